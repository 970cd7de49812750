"""All lanes of a process: how much waits in them, and which partitions are paused for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.stages.sender.lane import Item, Lane

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.flow import Partition
    from pipeline.stages.sender.recipient import Recipient

QUEUED_BYTES = 32 * 1024 * 1024
"""How much may wait in the lanes of a process before topics are paused and lanes spill."""
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
        self._paused: dict[Partition, Lane] = {}

    def get(self, endpoint_id: str) -> Lane | None:
        return self._lanes.get(endpoint_id)

    def open(self, recipient: Recipient, *, now_ms: int) -> Lane:
        """The endpoint's lane, brought up to this version of it."""
        lane = self._lanes.get(recipient.endpoint.id)
        if lane is None:
            lane = self._lanes[recipient.endpoint.id] = Lane(recipient)
        else:
            lane.update(recipient, now_ms=now_ms)
        return lane

    def is_over_share(self, lane: Lane) -> bool:
        """Whether the lane holds more than it may, now that so many are busy."""
        return lane.queued_bytes > LANE_BYTES and lane.queued_bytes > self._share()

    def pause(self, partition: Partition, lane: Lane) -> None:
        """Read no more of the partition until the lane's queue is short again."""
        self._paused[partition] = lane
        self._pause(partition)

    def resume_short(self) -> None:
        """Read on where queues have become short."""
        if not self._paused:
            return
        enough = max(self._share() // 2, LANE_BYTES)
        for partition, lane in list(self._paused.items()):
            if lane.queued_bytes <= enough:
                del self._paused[partition]
                self._resume(partition)

    def empty(self, lane: Lane, act: Callable[[Item], None]) -> None:
        """Do this with all that waits in a lane."""
        while lane.queue:
            act(lane.pop())
        self.resume_short()

    def drop(self, partitions: frozenset[Partition]) -> None:
        """Forget what came from these partitions, and that they were paused."""
        for lane in self._lanes.values():
            lane.drop(partitions)
        for partition in partitions:
            self._paused.pop(partition, None)

    def _share(self) -> int:
        busy = sum(1 for lane in self._lanes.values() if lane.queued_bytes > LANE_BYTES)
        return QUEUED_BYTES // max(busy, 1)
