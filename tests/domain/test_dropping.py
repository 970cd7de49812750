"""What an owner dropped is not sent, wherever it waited; what came afterwards is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pipeline.domain.delivery import Delivery
from pipeline.domain.dropping import is_dropped
from pipeline.domain.endpoint import Endpoint
from pipeline.domain.tiers import PARK_DELAYS_MS, parked_before_ms
from tests.stages.recipients import an_item

DROPPED_AT_MS = 1_772_000_000_000
HOUR_MS = 3_600_000
ENDPOINT = Endpoint("ep", "acme", "standard-webhooks", "own", version=9)


def a_delivery(**changes: Any) -> Delivery:
    return an_item().delivery._replace(**{"endpoint_version": 8, **changes})


def dropped(delivery: Delivery, appended_at_ms: int, **changes: Any) -> bool:
    endpoint = replace(ENDPOINT, **{"drop_before_ms": DROPPED_AT_MS, **changes})
    return is_dropped(delivery, endpoint, appended_at_ms=appended_at_ms)


def test_what_waited_is_dropped_and_what_came_later_is_sent():
    assert dropped(a_delivery(), DROPPED_AT_MS - 1)
    assert not dropped(a_delivery(), DROPPED_AT_MS)


def test_nothing_is_dropped_where_nobody_ever_said_so():
    assert not dropped(a_delivery(), DROPPED_AT_MS - 1, drop_before_ms=0)


def test_what_was_routed_by_the_present_version_did_not_wait():
    assert not dropped(a_delivery(endpoint_version=9), DROPPED_AT_MS - 1)


def test_a_test_is_sent_whenever_it_was_asked_for():
    assert not dropped(a_delivery(cause="test"), DROPPED_AT_MS - 1)


def test_a_retry_that_waited_in_a_tier_is_dropped_although_its_record_is_new():
    retry = a_delivery(attempt=3, first_attempt_at_ms=DROPPED_AT_MS - HOUR_MS)
    assert dropped(retry, DROPPED_AT_MS + HOUR_MS)
    later = retry._replace(first_attempt_at_ms=DROPPED_AT_MS + 1)
    assert not dropped(later, DROPPED_AT_MS + HOUR_MS)


@pytest.mark.parametrize("parked", [1, 2, 3, 4, 5])
def test_what_was_put_aside_untried_is_dropped_by_when_that_was(parked: int):
    delay_ms = PARK_DELAYS_MS[min(parked, 4) - 1]
    due_at_ms = DROPPED_AT_MS + delay_ms - 1
    aside = a_delivery(parked=parked, due_at_ms=due_at_ms)
    assert parked_before_ms(parked, due_at_ms=due_at_ms) == DROPPED_AT_MS - 1
    assert dropped(aside, DROPPED_AT_MS + 7 * HOUR_MS)
    assert not dropped(aside._replace(due_at_ms=due_at_ms + 1), DROPPED_AT_MS + 7 * HOUR_MS)


def test_an_old_event_that_came_after_the_activation_is_sent():
    assert not dropped(a_delivery(occurred_at_us=1), DROPPED_AT_MS + 1)
