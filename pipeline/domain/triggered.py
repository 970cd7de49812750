"""A delivery that somebody triggers again: the same body for the same receiver, as a new row."""

from __future__ import annotations

from typing import Final

from pipeline.domain.delivery import Cause, Delivery
from pipeline.domain.endpoint import Endpoint
from pipeline.domain.identifiers import delivery_id

TRIGGERED_HEADER: Final = "Webhook-Triggered-Again"
_REPLAY_HEADER: Final = "webhook-replay"


def triggered_again(tried: Delivery, endpoint: Endpoint, *, trigger_id: str) -> Delivery:
    """What was tried, as it is sent again to the endpoint as it is now.

    The `webhook_id` stays, so receivers know the repetition; the id of the row follows from the
    trigger's, so a trigger that is repeated is one delivery.
    """
    headers = {
        name: value for name, value in tried.headers.items() if name.lower() != _REPLAY_HEADER
    }
    return tried._replace(
        delivery_id=delivery_id(tried.webhook_id, cause=Cause.TRIGGER_AGAIN, cause_id=trigger_id),
        endpoint_version=endpoint.version,
        attempt=1,
        first_attempt_at_ms=None,
        due_at_ms=None,
        parked=0,
        cause=Cause.TRIGGER_AGAIN,
        cause_id=trigger_id,
        headers={**headers, TRIGGERED_HEADER: "true"},
    )
