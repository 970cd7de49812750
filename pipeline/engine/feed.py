"""Gives records to the stage: at once, or a few at a time where processes have crashed."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING

from msgspec.structs import replace

from pipeline.domain.caution import GROUP_RECORDS, Trying, is_culprit, next_group

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from pipeline.engine.owned_partition import Begin
    from pipeline.engine.partitions import OwnedPartitions
    from pipeline.flow import Partition, Record
    from pipeline.ports import Intake, Progress

    Commit = Callable[[Sequence[Progress]], Awaitable[bool]]

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 0.5
"""A group that is not finished by then waits for something, and the next one goes. Longer than the
recorder's pace."""
ALONE_SECONDS = 60.0
"""Longer than any request takes: how long a suspect that is under way is left alone."""


class Feed:
    """Event loop only; `work` must run beside the loop.

    Of a partition to be read with caution (see `domain/caution.py`) a group is given only after the
    brokers have it in writing. While a suspect runs, all partitions wait.
    """

    def __init__(self, partitions: OwnedPartitions, intake: Intake, *, commit: Commit) -> None:
        self._partitions = partitions
        self._intake = intake
        self._commit = commit
        self._careful: dict[Partition, deque[Record]] = {}
        self._is_alone = False
        self._behind: list[Record] = []
        """Of other partitions, while a suspect runs."""
        self._arrived = asyncio.Event()
        self._settled = asyncio.Event()

    def begin(self, begin: Begin) -> None:
        """A partition is ours from here on."""
        if begin.caution.until:
            self._careful[begin.start.partition] = deque()
        self._intake.begin(begin.start)

    def take(self, records: list[Record]) -> None:
        """Records of one poll."""
        if not self._careful and not self._is_alone:
            self._intake.take(records)
            return
        free: list[Record] = []
        for record in records:
            queue = self._careful.get(record.partition)
            (free if queue is None else queue).append(record)
        if self._is_alone:
            self._behind += free
        elif free:
            self._intake.take(free)
        self._arrived.set()

    def on_settled(self) -> None:
        """A record was finished, or a partition given up."""
        if self._careful:
            self._settled.set()

    def forget(self, partitions: frozenset[Partition]) -> None:
        """They are not ours any more."""
        for partition in partitions:
            self._careful.pop(partition, None)
        self._behind = [record for record in self._behind if record.partition not in partitions]

    async def work(self) -> None:
        """Give what is to be given with care, for ever."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while groups := self._next_groups():
                await self._try(groups)

    def _next_groups(self) -> dict[Partition, Trying]:
        """One of each careful partition, or one suspect; others are given as ever."""
        groups: dict[Partition, Trying] = {}
        for partition, queue in list(self._careful.items()):
            if not queue:
                continue
            self._bury_culprit(partition, queue)
            offsets = [record.offset for record in islice(queue, GROUP_RECORDS)]
            caution = self._partitions.caution(partition)
            group = next_group(caution, offsets) if offsets else None
            if group is not None and group.is_alone:
                return {partition: group}
            if group is not None:
                groups[partition] = group
            elif offsets:
                del self._careful[partition]
                self._intake.take(list(queue))
        return groups

    def _bury_culprit(self, partition: Partition, queue: deque[Record]) -> None:
        if is_culprit(self._partitions.caution(partition), queue[0].offset):
            record = queue.popleft()
            log.error(
                "%s[%d] offset %d ends every process that handles it: it becomes a dead letter",
                partition.topic,
                partition.number,
                record.offset,
            )
            self._intake.bury(record)

    async def _try(self, groups: dict[Partition, Trying]) -> None:
        self._is_alone = any(group.is_alone for group in groups.values())
        try:
            if self._is_alone:
                await self._wait(self._is_quiet, PATIENCE_SECONDS)
            await self._write_down(groups)
            given = self._take_out(groups)
            if given:
                self._intake.take(given)
            await self._wait(lambda: self._are_finished(given), PATIENCE_SECONDS)
            if self._is_alone:
                await self._wait(lambda: not self._partitions.any_open(groups), ALONE_SECONDS)
        finally:
            self._is_alone = False
        if self._behind:
            behind, self._behind = self._behind, []
            self._intake.take(behind)

    async def _write_down(self, groups: dict[Partition, Trying]) -> None:
        for partition, group in groups.items():
            caution = self._partitions.caution(partition)
            if caution.trying is None:
                log.warning(
                    "%s[%d] has ended its process again and again near offset %d: it is read with "
                    "care, to find the record that does it",
                    partition.topic,
                    partition.number,
                    group.first,
                )
            self._partitions.set_caution(partition, replace(caution, trying=group))
        progress = self._partitions.progress(groups)
        if progress:
            # Refused only where the partitions are not ours any more, and then they are forgotten.
            await self._commit(progress)

    def _take_out(self, groups: dict[Partition, Trying]) -> list[Record]:
        given: list[Record] = []
        for partition, group in groups.items():
            queue = self._careful.get(partition)
            while queue and queue[0].offset <= group.last:
                given.append(queue.popleft())
        return given

    def _is_quiet(self) -> bool:
        return not self._partitions.any_open(self._partitions.all)

    def _are_finished(self, records: Sequence[Record]) -> bool:
        return not any(self._partitions.is_unfinished(record) for record in records)

    async def _wait(self, is_so: Callable[[], bool], seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                while not is_so():
                    self._settled.clear()
                    await self._settled.wait()
        except TimeoutError:
            pass  # What is not finished waits for something, and does no harm now.
