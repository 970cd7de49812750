"""What a job wrote for an endpoint waits for what has just happened, but not for ever."""

from __future__ import annotations

import pytest

from pipeline.adapters.http.courier import HttpCourier
from pipeline.domain.endpoint import Order
from pipeline.stages.sender.lane import MOST_OVERTAKING, Lane
from tests.stages.recipients import a_recipient, an_item

IN_FLIGHT = 8


def a_lane(courier: HttpCourier, order: Order = Order.NONE) -> Lane:
    recipient = a_recipient(courier, "http://a.test/", max_in_flight=IN_FLIGHT, order=order)
    lane = Lane(recipient)
    for _ in range(100):  # its circuit lets all through
        lane.started()
        lane.ended(1)
        lane.circuit.on_success()
    return lane


def push(lane: Lane, *offsets: int, cause: str = "event") -> None:
    for offset in offsets:
        lane.push(an_item(offset, cause=cause))


def popped(lane: Lane) -> list[int]:
    return [lane.pop().record.offset for _ in range(len(lane.queue))]


def started(lane: Lane) -> int:
    """How many requests begin before the lane waits."""
    count = 0
    while lane.queue and lane.next_start(0) is None:
        lane.pop()
        lane.started()
        count += 1
    return count


@pytest.mark.parametrize("cause", ["replay", "redrive"])
async def test_what_happens_next_goes_before_what_a_job_wrote(courier: HttpCourier, cause: str):
    lane = a_lane(courier)
    push(lane, 1)
    push(lane, 2, 3, cause=cause)
    push(lane, 4)
    push(lane, 5, cause="test")
    push(lane, 6, cause=cause)
    assert popped(lane) == [1, 4, 5, 2, 3, 6]
    assert lane.queued_bytes == 0


async def test_what_was_begun_or_spilled_of_a_job_changes_nothing_for_the_others(
    courier: HttpCourier,
):
    lane = a_lane(courier)
    push(lane, 1, 2, 3, cause="replay")
    lane.pop()
    lane.pop_last()
    push(lane, 4)
    assert popped(lane) == [4, 2]
    push(lane, 5, 6)
    assert popped(lane) == [5, 6]


async def test_what_a_job_wrote_has_its_turn_after_so_many_others(courier: HttpCourier):
    lane = a_lane(courier)
    push(lane, 0, cause="replay")
    push(lane, *range(1, MOST_OVERTAKING + 3))
    assert popped(lane).index(0) == MOST_OVERTAKING
    push(lane, 0, cause="replay")
    push(lane, 1)
    assert popped(lane) == [1, 0]


async def test_in_strict_order_nothing_overtakes(courier: HttpCourier):
    lane = a_lane(courier, Order.STRICT)
    push(lane, 1, 2, cause="replay")
    push(lane, 3)
    assert popped(lane) == [1, 2, 3]


async def test_a_job_alone_leaves_half_of_the_requests_to_what_happens_next(courier: HttpCourier):
    lane = a_lane(courier)
    push(lane, *range(20), cause="replay")
    assert started(lane) == IN_FLIGHT // 2
    push(lane, 20, 21)
    assert started(lane) == 2
    assert lane.running == IN_FLIGHT // 2 + 2


async def test_one_request_at_a_time_serves_jobs_too(courier: HttpCourier):
    lane = Lane(a_recipient(courier, "http://a.test/", max_in_flight=1))
    push(lane, 1, cause="replay")
    assert started(lane) == 1


async def test_a_job_that_its_endpoint_keeps_waiting_makes_the_lane_slow(courier: HttpCourier):
    lane = a_lane(courier)
    push(lane, *range(200), cause="replay")
    started(lane)
    lane.mean_ms = 200.0
    assert lane.is_slow
