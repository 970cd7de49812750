"""The recorder's store, and where its partitions begin: the store knows best what it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.adapters.storage.errors import StoreUnavailable, StoreUnusable
from pipeline.flow import StartAt
from pipeline.ports import SourceFailed, Starts, StoreFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pipeline.adapters.storage.recorder_store import RecorderStore
    from pipeline.domain.delivery import Attempt
    from pipeline.domain.delivery_state import Buried
    from pipeline.flow import Partition
    from pipeline.ports import StartPositions


class AttemptStoreOf:
    """Implements `AttemptStore`."""

    def __init__(self, store: RecorderStore) -> None:
        self._store = store

    def write(
        self,
        attempts: Sequence[Attempt],
        dead_letters: Sequence[Buried],
        positions: Mapping[tuple[str, int], int],
    ) -> int:
        try:
            return self._store.write(attempts, dead_letters, positions).new_attempts
        except (StoreUnavailable, StoreUnusable) as error:
            raise StoreFailed(str(error)) from error


class StoreStarts:
    """Implements `StartPositions`: what the store has read wins over what the group committed.

    The store commits its position with what it writes, so only that one is never behind or ahead.
    But in a topic that was made anew, on another cluster perhaps, the store has read nothing.
    """

    def __init__(self, store: RecorderStore, group: StartPositions) -> None:
        self._store = store
        self._group = group

    def starts(self, partitions: Sequence[Partition]) -> Starts:
        starts = self._group.starts(partitions)
        try:
            stored = {
                (topic, number): offset
                for topic in {partition.topic for partition in partitions}
                for number, offset in self._store.positions(topic).items()
            }
        except (StoreUnavailable, StoreUnusable) as error:
            # The group may have gone further than the store, so it must not be believed instead.
            raise SourceFailed(f"the store does not say where it stands: {error}") from error
        stored = {each: offset for each, offset in stored.items() if each not in starts.decided}
        self._move(start for start in starts.begin if start.partition in starts.decided)
        known = [p for p in (held.partition for held in starts.held) if p in stored]
        begin = [
            start
            if stored.get(start.partition, start.offset) == start.offset
            # The group's epoch says nothing of where the store stands.
            else start._replace(offset=stored[start.partition], leader_epoch=None)
            for start in starts.begin
        ]
        begin += [StartAt(partition, stored[partition]) for partition in known]
        return Starts(begin, [held for held in starts.held if held.partition not in stored])

    def decisions(self, held: Sequence[Partition]) -> list[StartAt]:
        decided = self._group.decisions(held)
        self._move(decided)
        return decided

    def _move(self, decided: Iterable[StartAt]) -> None:
        for start in decided:
            topic, number = start.partition
            self._store.move_position(topic, number, next_offset=start.offset)
