"""When a lane counts as slow: for its own reasons alone."""

from __future__ import annotations

from pipeline.adapters.http.courier import HttpCourier
from pipeline.domain.endpoint import RateLimit
from pipeline.stages.sender.lane import Lane
from tests.stages.recipients import a_recipient, an_item


def _lane(courier: HttpCourier, *, queued: int, rate_limit: RateLimit | None = None) -> Lane:
    recipient = a_recipient(courier, "http://a.test/", max_in_flight=8, rate_limit=rate_limit)
    lane = Lane(recipient)
    for offset in range(queued):
        lane.push(an_item(offset))
    return lane


def _run(lane: Lane, *, running: int, duration_ms: float) -> None:
    """Attempts that succeed after so long, and then so many that are under way."""
    for _ in range(100):
        lane.started()
        lane.ended(duration_ms)
        lane.circuit.on_success()
    for _ in range(running):
        lane.started()


async def test_one_with_all_its_requests_on_their_way_is_slow_if_its_queue_takes_long(
    courier: HttpCourier,
):
    lane = _lane(courier, queued=1_000)
    _run(lane, running=8, duration_ms=20)
    assert lane.is_slow  # 1,000 / 8 * 20 ms
    for _ in range(300):
        lane.pop()
    assert not lane.is_slow


async def test_one_that_waits_for_its_turn_among_others_is_not_slow(courier: HttpCourier):
    lane = _lane(courier, queued=1_000)
    _run(lane, running=7, duration_ms=20)
    assert not lane.is_slow


async def test_one_that_may_have_one_request_at_a_time_for_now_is_slow_sooner(
    courier: HttpCourier,
):
    lane = _lane(courier, queued=150)
    lane.mean_ms = 20.0
    lane.started()
    assert lane.is_slow


async def test_one_whose_rate_limit_makes_its_queue_take_long_is_slow(courier: HttpCourier):
    limited = _lane(courier, queued=30, rate_limit=RateLimit(10, 1_000))
    _run(limited, running=0, duration_ms=1)
    assert limited.is_slow
    for _ in range(10):
        limited.pop()
    assert not limited.is_slow
