"""How much may wait in lanes, and which partitions are paused for it."""

from __future__ import annotations

from pipeline.adapters.http.courier import HttpCourier
from pipeline.flow import HELD_BYTES, Partition
from pipeline.stages.sender.lane import Lane
from pipeline.stages.sender.lanes import LANE_BYTES, MOST_LANE_BYTES, QUEUED_BYTES, Lanes
from tests.stages.recipients import a_recipient, an_item


class Partitions:
    """What is paused now."""

    def __init__(self, courier: HttpCourier) -> None:
        self._courier = courier
        self.paused: set[Partition] = set()
        self.lanes = Lanes(self.paused.add, self.paused.remove)

    def lane(self, endpoint: str) -> Lane:
        return self.lanes.open(a_recipient(self._courier, "http://a.test/", id=endpoint), now_ms=0)

    def fill(self, lane: Lane, items: int, size_bytes: int, *, topic: str = "own") -> None:
        for offset in range(items):
            value_bytes = max((size_bytes - HELD_BYTES) // 2, 0)
            self.lanes.push(lane, an_item(offset, topic=topic, size_bytes=value_bytes))


async def test_one_long_queue_may_have_half_the_room_and_many_share_all_of_it(
    courier: HttpCourier,
):
    partitions = Partitions(courier)
    lanes, first = partitions.lanes, partitions.lane("first")
    partitions.fill(first, 2, MOST_LANE_BYTES // 2)
    assert not lanes.is_over_share(first)
    partitions.fill(first, 1, 1)
    assert lanes.is_over_share(first)
    lanes.pop_last(first)
    others = [partitions.lane(str(number)) for number in range(7)]
    for lane in others:
        partitions.fill(lane, 1, LANE_BYTES + 1_000)
    assert lanes.is_over_share(first)
    for lane in others:
        lanes.pop(lane)
    assert not lanes.is_over_share(first)


async def test_a_partition_is_read_on_when_the_lane_that_it_was_paused_for_is_short_again(
    courier: HttpCourier,
):
    partitions = Partitions(courier)
    lane, partition = partitions.lane("slow"), Partition("own", 0)
    partitions.fill(lane, 5, MOST_LANE_BYTES // 4)
    partitions.lanes.pause(partition, lane)
    other = partitions.lane("other")
    partitions.fill(other, 1, 10)
    partitions.lanes.pop(other)
    partitions.lanes.pop(lane)
    partitions.lanes.pop(lane)
    assert partitions.paused == {partition}
    partitions.lanes.pop(lane)
    assert not partitions.paused


async def test_emptying_a_lane_reads_on(courier: HttpCourier):
    partitions = Partitions(courier)
    lane, partition = partitions.lane("broken"), Partition("own", 0)
    partitions.fill(lane, 3, QUEUED_BYTES)
    partitions.lanes.pause(partition, lane)
    seen: list[int] = []
    partitions.lanes.empty(lane, lambda item: seen.append(item.record.offset))
    assert seen == [0, 1, 2]
    assert not partitions.paused


async def test_what_a_lost_partition_held_no_longer_counts(courier: HttpCourier):
    partitions = Partitions(courier)
    lanes, lane = partitions.lanes, partitions.lane("moved")
    lost, kept = Partition("lost", 0), Partition("kept", 0)
    partitions.fill(lane, 3, QUEUED_BYTES, topic="lost")
    partitions.fill(lane, 1, 10, topic="kept")
    lanes.pause(lost, lane)
    lanes.pause(kept, lane)
    other = partitions.lane("other")
    partitions.fill(other, 1, MOST_LANE_BYTES * 3 // 4)
    for name in ("third", "fourth"):
        partitions.fill(partitions.lane(name), 1, LANE_BYTES + 1_000)
    assert lanes.is_over_share(other)
    lanes.drop(frozenset({lost}))
    assert partitions.paused == {lost}  # it is not ours to resume
    assert len(lane.queue) == 1
    assert not lanes.is_over_share(other)
