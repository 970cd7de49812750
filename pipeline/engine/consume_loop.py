"""The one at-least-once loop that every stage runs on.

Two threads share it. The poll thread (`poll_thread.py`) owns the consumer and waits for no record
to be finished, but for a bounded drain while the group takes partitions away. The event loop does
the work. They hand each other batches and commands, in order, and share no lock.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.engine.feed import Feed
from pipeline.engine.partitions import OwnedPartitions
from pipeline.engine.poll_thread import PollLimits, PollThread
from pipeline.engine.progress_watch import ProgressWatch
from pipeline.engine.tasks import Tasks
from pipeline.ports import SinkFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipeline.engine.owned_partition import Begin
    from pipeline.engine.ticket import Ticket
    from pipeline.flow import Partition, Record
    from pipeline.ports import Intake, Progress, RecordSource, StartPositions


CONFIRM_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class LoopLimits:
    """Bounds of one consume loop."""

    unfinished_bytes: int = 64 * 1024 * 1024
    """Intake stops when this much is unfinished and goes on at half of it."""
    commit_seconds: float = 0.25
    drain_seconds: float = 10.0
    """How long work under way may go on once its partition is taken away or the process is told
    to stop."""


@dataclass(frozen=True, slots=True)
class LoopFacts:
    """How the loop stands, for health and metrics."""

    has_joined: bool
    partitions: int
    held: dict[Partition, str]
    unfinished: int
    unfinished_bytes: int
    last_poll_seconds: float
    behind: int
    """Records from the first unfinished one of each partition to its end."""
    oldest_age_seconds: float
    """Of the oldest record that was read and is not finished; 0 where there is none."""
    idle_seconds: float
    """How long none was finished although there are some."""


class ConsumeLoop:
    """Runs one stage's intake over its topics, at least once.

    A record's offset is committed only when it and all before it are finished (see Ticket). Any
    exception of the stage ends `run` with nothing more committed: the process starts anew from the
    last commit.
    """

    def __init__(
        self,
        source: RecordSource,
        starts: StartPositions,
        *,
        limits: LoopLimits,
        now_ms: Callable[[], int],
    ) -> None:
        self._source = source
        self._starts = starts
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._held: dict[Partition, str] = {}
        self._paused_by_stage: set[Partition] = set()
        self._is_full = False
        self._stopping = False
        self._draining = False
        self._partitions = OwnedPartitions(self._on_settled, now_ms=now_ms)
        self._watch = ProgressWatch(self._partitions, now_ms=now_ms)
        self._intake: Intake | None = None
        self._feed: Feed | None = None
        self._thread = PollThread(
            source,
            starts,
            side=self,
            limits=PollLimits(drain_seconds=limits.drain_seconds),
            now_ms=now_ms,
        )

    # What a stage uses.

    def open_ticket(self, record: Record) -> Ticket:
        """Start on a record. Raises KeyError if its partition is not owned any more."""
        return self._partitions.open_ticket(record)

    def owns(self, partition: Partition) -> bool:
        """Whether the partition is this process's now."""
        return partition in self._partitions

    def put_back(self, ticket: Ticket) -> None:
        """Close the ticket without finishing its record.

        The stage opens another one for it later.
        """
        self._partitions.put_back(ticket)

    def is_current(self, ticket: Ticket) -> bool:
        """Whether the ticket's record is still ours; nothing may be written for one that is not."""
        return self._partitions.is_current(ticket)

    async def wait_confirmed(self) -> None:
        """Return once it is known what is ours; at once, but for a process that was stopped.

        To be awaited before anything is written that a new owner would write too.
        """
        while self._thread.is_suspect and not self._draining and not self._stopping:  # noqa: ASYNC110 - rare, and the poll thread sets no event
            await asyncio.sleep(CONFIRM_SECONDS)

    def pause(self, partition: Partition) -> None:
        """Read no more of this partition until `resume`; what was read comes again later."""
        if partition in self._partitions and partition not in self._paused_by_stage:
            self._paused_by_stage.add(partition)
            if not self._is_full:
                self._thread.pause(frozenset((partition,)))

    def resume(self, partition: Partition) -> None:
        """Undo `pause`."""
        if partition in self._paused_by_stage:
            self._paused_by_stage.remove(partition)
            if not self._is_full:
                self._thread.resume(frozenset((partition,)))

    def annotate(self, partition: Partition, metadata: str) -> None:
        """Commit this note beside the partition's offset.

        Its next owner gets it in `Intake.begin`.
        """
        self._partitions.annotate(partition, metadata)

    def subscribe(self, topics: Sequence[str]) -> None:
        """Read exactly these topics."""
        self._thread.subscribe(list(topics))

    # Its life.

    async def run(self, intake: Intake) -> None:
        """Consume until `stop`; raises what ended it otherwise."""
        self._intake = intake
        self._feed = Feed(self._partitions, intake, commit=self._thread.commit_and_wait)
        self._thread.start()
        tasks = Tasks(self.fail)
        tasks.start(self._commit_regularly())
        tasks.start(self._feed.work())
        try:
            await self._ended
        finally:
            await tasks.close()
            await self._close()

    def stop(self) -> None:
        """End `run`.

        Take nothing new, finish what is under way within the drain's bound, commit, close.
        """
        if not self._ended.done():
            self._ended.set_result(None)

    def fail(self, error: BaseException) -> None:
        """End `run` with this error: nothing more is finished or committed."""
        if not self._ended.done():
            self._ended.set_exception(error)

    async def _close(self) -> None:
        self._stopping = True
        owned = self._partitions.all
        ended = self._ended
        failure = ended.exception() if ended.done() and not ended.cancelled() else None
        self._thread.pause(owned)
        progress: list[Progress] = []
        if failure is None:
            progress = await self._drain(owned)
        else:
            if isinstance(failure, SinkFailed):
                # What was finished before is, and no record is to blame.
                progress = self._partitions.last_progress(owned)
            self._forget(owned)
        await self._thread.close(progress)

    async def _commit_regularly(self) -> None:
        while True:
            await asyncio.sleep(self._limits.commit_seconds)
            self._watch.look()
            progress = self._partitions.progress(self._partitions.all)
            if progress:
                self._thread.commit(progress)

    async def _drain(self, partitions: frozenset[Partition]) -> list[Progress]:
        """Finish what is under way, fence, and answer what to commit."""
        if self._intake is not None and self._feed is not None:
            self._feed.forget(partitions)
            self._intake.stop(partitions)
        self._draining = True
        try:
            async with asyncio.timeout(self._limits.drain_seconds):
                await self._partitions.wait_drained(partitions)
        except TimeoutError:
            pass  # What is still under way is repeated by the next owner.
        finally:
            self._draining = False
        progress = self._partitions.last_progress(partitions)
        self._forget(partitions)
        return progress

    def _forget(self, partitions: frozenset[Partition]) -> None:
        self._partitions.give_up(partitions)
        self._paused_by_stage -= partitions
        if self._intake is not None and self._feed is not None:
            self._feed.forget(partitions)
            self._intake.forget(partitions)

    def _on_settled(self) -> None:
        if self._feed is not None:
            self._feed.on_settled()
        if (
            self._is_full
            and self._partitions.unfinished_bytes <= self._limits.unfinished_bytes // 2
        ):
            self._is_full = False
            if not self._stopping:
                self._thread.resume(self._partitions.all - self._paused_by_stage)

    def facts(self) -> LoopFacts:
        """How it stands now."""
        return LoopFacts(
            has_joined=self._thread.has_joined,
            partitions=len(self._partitions.all),
            held=dict(self._held),
            unfinished=self._partitions.unfinished,
            unfinished_bytes=self._partitions.unfinished_bytes,
            last_poll_seconds=self._thread.last_poll_seconds,
            behind=self._partitions.behind,
            oldest_age_seconds=self._watch.oldest_age_seconds,
            idle_seconds=self._watch.idle_seconds,
        )

    # LoopSide: called by the poll thread, on the event loop.

    def begin(self, begins: Sequence[Begin]) -> None:
        assert self._feed is not None  # noqa: S101 - run() set it before the thread started
        for begin in begins:
            self._partitions.begin(begin)
            self._feed.begin(begin)
        if self._is_full:
            self._thread.pause(frozenset(begin.start.partition for begin in begins))

    def take(self, records: list[Record]) -> None:
        if self._stopping or self._feed is None:
            return
        try:
            self._feed.take(self._partitions.accept(records))
        except Exception as error:  # noqa: BLE001 - fail-stop: a stage's bug must not skip a record
            self.fail(error)
        if not self._is_full and self._partitions.unfinished_bytes > self._limits.unfinished_bytes:
            self._is_full = True
            self._thread.pause(self._partitions.all)

    def skip_to(self, positions: dict[Partition, int]) -> None:
        # While stopping, what was polled is not entered any more: the position is ahead of the
        # ledger.
        if not self._stopping:
            self._partitions.skip_to(positions)

    def report_ends(self, ends: dict[Partition, int]) -> None:
        self._partitions.see_ends(ends)

    def commit_again(self) -> None:
        # With the next regular commit: whatever was refused, all that is ours is said anew.
        self._partitions.forget_committed()

    def report_held(self, held: dict[Partition, str]) -> None:
        self._held = held

    async def give_up(self, partitions: frozenset[Partition]) -> list[Progress]:
        return await self._drain(partitions)

    async def lose(self, partitions: frozenset[Partition]) -> None:
        self._forget(partitions)
