"""What an owner dropped: who activates an endpoint may say that what waits for it is not sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.domain.delivery import Cause
from pipeline.domain.tiers import parked_before_ms

if TYPE_CHECKING:
    from pipeline.domain.delivery import Delivery
    from pipeline.domain.endpoint import Endpoint


def is_dropped(delivery: Delivery, endpoint: Endpoint, *, appended_at_ms: int) -> bool:
    """Whether the delivery waited already when the endpoint's owner dropped all that waited.

    `appended_at_ms` is when the record it came in was written. What has waited in a tier comes in a
    newer one: its own times tell. What was routed by the present version of the endpoint did not
    wait, and a test is sent because somebody asks for it now.
    """
    before_ms = endpoint.drop_before_ms
    if not before_ms or delivery.endpoint_version >= endpoint.version:
        return False
    if delivery.cause == Cause.TEST:
        return False
    if appended_at_ms < before_ms:
        return True
    if delivery.first_attempt_at_ms is not None:
        return delivery.first_attempt_at_ms < before_ms
    if delivery.parked and delivery.due_at_ms is not None:
        return parked_before_ms(delivery.parked, due_at_ms=delivery.due_at_ms) < before_ms
    return False
