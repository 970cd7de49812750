"""What spans say, in the words of OpenTelemetry's semantic conventions (messaging, HTTP clients).

What those have no word for begins with `pipeline.`. A URL's path and query are left out: many
receivers keep a secret there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pipeline.domain.delivery import Delivery
    from pipeline.domain.event import Event
    from pipeline.flow import Record

Attributes = dict[str, str | int]

BATCH: Final = "messaging.batch.message_count"
STATUS: Final = "http.response.status_code"
ERROR: Final = "error.type"
ADDRESS: Final = "network.peer.address"
DECISION: Final = "pipeline.decision"
_PORTS: Final = {"https": 443, "http": 80}
_REDACTED: Final = "REDACTED"


def processing(record: Record, *, group: str) -> Attributes:
    """Of a span in which a stage, by its consumer group, handles a record."""
    return {
        "messaging.system": "kafka",
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.destination.name": record.partition.topic,
        "messaging.destination.partition.id": str(record.partition.number),
        "messaging.kafka.offset": record.offset,
        "messaging.consumer.group.name": group,
    }


def of_event(event: Event) -> Attributes:
    """What was routed."""
    return {
        "pipeline.event.id": event.id,
        "pipeline.event.type": event.type,
        "pipeline.account": event.account,
    }


def of_delivery(delivery: Delivery) -> Attributes:
    """Which delivery, and which attempt of it."""
    return {
        "pipeline.delivery.id": delivery.delivery_id,
        "pipeline.event.id": delivery.event_id,
        "pipeline.endpoint.id": delivery.endpoint,
        "pipeline.attempt": delivery.attempt,
    }


def posting(url: str, *, attempt: int) -> Attributes:
    """Of a request to a receiver."""
    parts = urlsplit(url)
    path = f"/{_REDACTED}" if parts.path not in {"", "/"} or parts.query else "/"
    attributes: Attributes = {
        "http.request.method": "POST",
        "url.full": f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{path}",
        "server.address": parts.hostname or "",
        "server.port": parts.port or _PORTS.get(parts.scheme, 0),
    }
    if attempt > 1:
        attributes["http.request.resend_count"] = attempt - 1
    return attributes
