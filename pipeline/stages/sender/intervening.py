"""What becomes of a delivery that somebody wants tried now, or dropped, and of its other copies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.domain.delivery import Reason
from pipeline.domain.interventions import called_forward_by
from pipeline.telemetry.instruments import REPEATS_DROPPED

if TYPE_CHECKING:
    from pipeline.engine.consume_loop import ConsumeLoop
    from pipeline.flow import Partition
    from pipeline.stages.sender.giving_up import GivingUp
    from pipeline.stages.sender.lane import Item, Lane
    from pipeline.stages.sender.memory import TriedMemory
    from pipeline.stages.sender.owners_notes import OwnersNotes
    from pipeline.telemetry.tally import Tally


class Intervening:
    """Looks at what comes in, and at what waits, for what was asked of it."""

    def __init__(
        self,
        loop: ConsumeLoop,
        notes: OwnersNotes,
        giving_up: GivingUp,
        *,
        memory: TriedMemory,
        tally: Tally,
    ) -> None:
        self._loop = loop
        self._memory = memory
        self._notes = notes
        self._giving_up = giving_up
        self._tally = tally

    def is_early(self, item: Item) -> bool:
        """Whether it was called forward for a reason that has not been read yet."""
        headers = item.record.headers
        if headers is None:
            return False
        offset = called_forward_by(headers)
        return offset is not None and offset >= self._notes.table.reached

    def entered(self, item: Item) -> Item | None:
        """As it may wait in its lane; None where nothing more is to be done with it."""
        delivery, table = item.delivery, self._notes.table
        delivery_id = delivery.delivery_id
        if self._notes.is_repeat(delivery):
            self.pass_over(item)
            return None
        if not table.is_asked(delivery_id):
            return item
        if table.is_dropped(delivery_id):
            self._giving_up.bury(item, Reason.DROPPED)
            return None
        if table.is_to_be_tried_now(delivery_id, delivery.attempt):
            return item._replace(delivery=delivery._replace(due_at_ms=None))
        return item

    def pass_over(self, item: Item) -> None:
        """Finish the record of a copy that nobody needs."""
        self._tally.add(REPEATS_DROPPED)
        self._loop.open_ticket(item.record).release()

    def revise(self, lane: Lane) -> None:
        """Look again at what waits in a lane: somebody may have asked for some of it."""
        table = self._notes.table
        if any(table.is_asked(item.delivery.delivery_id) for item in lane.queue):
            lane.revise(self.entered)

    def began(self, item: Item) -> bool:
        """Note that it is tried now; False, and it is passed over, where a copy of it was.

        What a router wrote twice may have waited here twice, so that nothing was known of it when
        it came in.
        """
        delivery = item.delivery
        if self._notes.is_repeat(delivery) or (
            (delivery.delivery_id, delivery.attempt) in self._memory
        ):
            self.pass_over(item)
            return False
        self._notes.began(item)
        return True

    def stop(self, partitions: frozenset[Partition]) -> None:
        """What came from these is somebody else's."""
        self._notes.stop(partitions)
