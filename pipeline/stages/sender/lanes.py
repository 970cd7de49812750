"""All lanes of a process: how much waits in them, and which partitions are paused for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.stages.sender.lane import Item, Lane

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.flow import Partition
    from pipeline.stages.sender.recipient import Recipient

QUEUED_BYTES = 40 * 1024 * 1024
"""How much memory what waits in the lanes of a process may take before topics are paused and lanes
spill."""
MOST_LANE_BYTES = 16 * 1024 * 1024
"""What a lane may hold when it is the only long one: a second of work for a fast endpoint."""
LANE_BYTES = 256 * 1024
"""What any lane may hold, however many there are."""


class Lanes:
    """Keeps lanes by endpoint; every item goes in and out through it, so that its sums hold."""

    def __init__(
        self, pause: Callable[[Partition], None], resume: Callable[[Partition], None]
    ) -> None:
        self._pause = pause
        self._resume = resume
        self._lanes: dict[str, Lane] = {}
        self._long_queues = 0
        self._paused: dict[Partition, Lane] = {}

    def get(self, endpoint_id: str) -> Lane | None:
        return self._lanes.get(endpoint_id)

    def failing(self) -> tuple[int, int | None]:
        """How many endpoints' circuits are open or gone, and since when the oldest one is open.

        Any thread.
        """
        failing = [
            lane.circuit for lane in list(self._lanes.values()) if not lane.circuit.is_closed
        ]
        since = [each.open_since_ms for each in failing]
        return len(failing), min((one for one in since if one is not None), default=None)

    def open(self, recipient: Recipient, *, now_ms: int) -> Lane:
        """The endpoint's lane, brought up to this version of it."""
        lane = self._lanes.get(recipient.endpoint.id)
        if lane is None:
            lane = self._lanes[recipient.endpoint.id] = Lane(recipient)
        else:
            lane.update(recipient, now_ms=now_ms)
        return lane

    def push(self, lane: Lane, item: Item) -> None:
        """The item waits in the lane, behind all others."""
        lane.push(item)
        if lane.queued_bytes > LANE_BYTES:
            self._count(lane)

    def push_front(self, lane: Lane, item: Item) -> None:
        """The item waits in the lane, before all others."""
        lane.push_front(item)
        self._count(lane)

    def pop(self, lane: Lane) -> Item:
        """The lane's next item."""
        item = lane.pop()
        if lane.has_long_queue:
            self._count(lane)
        if lane.has_paused:
            self._resume_if_short(lane)
        return item

    def pop_last(self, lane: Lane) -> Item:
        """The lane's newest item."""
        item = lane.pop_last()
        self._count(lane)
        return item

    def _count(self, lane: Lane) -> None:
        is_long = lane.queued_bytes > LANE_BYTES
        self._long_queues += is_long - lane.has_long_queue
        lane.has_long_queue = is_long

    def is_over_share(self, lane: Lane) -> bool:
        """Whether the lane holds more than it may, now that so many are busy."""
        return lane.queued_bytes > LANE_BYTES and lane.queued_bytes > self._share()

    def pause(self, partition: Partition, lane: Lane) -> None:
        """Read no more of the partition until the lane's queue is short again."""
        self._paused[partition] = lane
        lane.has_paused = True
        self._pause(partition)

    def empty(self, lane: Lane, act: Callable[[Item], None]) -> None:
        """Do this with all that waits in a lane."""
        while lane.queue:
            act(self.pop(lane))

    def revised(self, lane: Lane) -> None:
        """What waits in it was looked at again, and may be less."""
        self._count(lane)
        if lane.has_paused:
            self._resume_if_short(lane)

    def drop(self, partitions: frozenset[Partition]) -> None:
        """Forget what came from these partitions, and that they were paused."""
        for partition in partitions:
            self._paused.pop(partition, None)
        for lane in self._lanes.values():
            lane.drop(partitions)
            self._count(lane)
        for lane in self._lanes.values():
            if lane.has_paused:
                self._resume_if_short(lane)

    def _resume_if_short(self, lane: Lane) -> None:
        if lane.queued_bytes > max(self._share() // 2, LANE_BYTES):
            return
        lane.has_paused = False
        for partition in [paused for paused, by in self._paused.items() if by is lane]:
            del self._paused[partition]
            self._resume(partition)

    def _share(self) -> int:
        return min(QUEUED_BYTES // max(self._long_queues, 1), MOST_LANE_BYTES)
