"""A new delivery in parts: what endpoints of one event share is made and encoded once for all."""

from __future__ import annotations

from typing import NamedTuple

from pipeline.domain.delivery import Cause, Position


class DeliveryStart(NamedTuple):
    """The part that is the same for every new delivery to one version of an endpoint.

    Names and order as in `Delivery`, as in the other part.
    """

    endpoint: str
    endpoint_version: int
    attempt: int = 1
    first_attempt_at_ms: int | None = None
    due_at_ms: int | None = None
    parked: int = 0
    cause: str = Cause.EVENT
    cause_id: str | None = None


class DeliveryContent(NamedTuple):
    """The part that is the same for every endpoint that gets the same body of an event."""

    account: str
    event_id: str
    event_type: str
    subject: str | None
    occurred_at_us: int
    body: bytes
    content_type: str
    headers: dict[str, str]
    source: Position
