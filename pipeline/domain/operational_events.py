"""What the operator is told of through the pipeline itself: events of an account of the operator's.

Nothing is told about that account, so that no event ever causes another one.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from pipeline.domain.endpoint import Endpoint, EndpointStatus
from pipeline.domain.event import Event

_US_PER_MS: Final = 1_000
_encoder: Final = msgspec.json.Encoder()


class OperationalType(StrEnum):
    """Types of operational events."""

    DEACTIVATED = "endpoint.deactivated"
    REACTIVATED = "endpoint.reactivated"
    FAILING = "endpoint.failing"
    RECOVERED = "endpoint.recovered"
    DEAD = "delivery.dead"
    QUOTA_REACHED = "quota.reached"


Facts = dict[str, str | int | None]
"""Members of the event's data. None of them is ever secret."""


class Occurrence(NamedTuple):
    """What is told."""

    type: OperationalType
    about: str
    """The event's subject: `endpoint/<id>` or `account/<id>`."""
    facts: Facts


def operational_event(occurrence: Occurrence, *, account: str, event_id: str, at_ms: int) -> Event:
    """The event for the operator's account."""
    return Event(
        id=event_id,
        type=occurrence.type.value,
        account=account,
        time_us=at_ms * _US_PER_MS,
        data=_encoder.encode(occurrence.facts),
        subject=occurrence.about,
    )


def about_endpoint(
    event_type: OperationalType, endpoint: Endpoint, **facts: str | int | None
) -> Occurrence:
    """Something that happened to an endpoint."""
    named: Facts = {"endpoint": endpoint.id, "account": endpoint.account}
    return Occurrence(event_type, f"endpoint/{endpoint.id}", {**named, **facts})


def change_of_status(before: Endpoint, after: Endpoint) -> Occurrence | None:
    """What is told where an endpoint is active no longer, or again; None where it is neither."""
    if before.status is after.status:
        return None
    if after.status is EndpointStatus.ACTIVE:
        return about_endpoint(OperationalType.REACTIVATED, after)
    if after.status is EndpointStatus.INACTIVE:
        return about_endpoint(OperationalType.DEACTIVATED, after, reason=after.status_reason)
    return None


def quota_reached(account: str, quota: str, limit: int) -> Occurrence:
    """An account has as many of something as it may have."""
    facts: Facts = {"account": account, "quota": quota, "limit": limit}
    return Occurrence(OperationalType.QUOTA_REACHED, f"account/{account}", facts)
