"""The thread that owns the consumer.

Polls, hands records over, commits what it is told, answers rebalances.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from pipeline.engine.held_partitions import HeldPartitions
from pipeline.engine.owned_partition import Begin, begin_at, begun_note
from pipeline.ports import SourceFailed, progress_at

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from pipeline.engine.loop_side import LoopSide
    from pipeline.flow import Partition, Record, StartAt
    from pipeline.ports import LostPosition, Progress, RecordSource, StartPositions

log = logging.getLogger(__name__)

POLL_SECONDS = 0.05
"""How long a poll waits for its first record, and so how late a command may be; an idle process
wakes 20 times a second."""
POLL_RECORDS = 500
SUSPECT_SECONDS = 5.0
"""Half a session: after so long a pause (a stopped process, a machine that slept) somebody else may
own what we think is ours."""
BATCHES_AHEAD = 2
"""How many polls may lie before the event loop, which takes them as fast as it can and waits for
nothing."""
ROUND_SECONDS = 1.0
"""How often control records are skipped and held partitions are asked about."""
FINISH_SECONDS = 5.0
"""How long the last commit may take."""
STUCK_SECONDS = 20.0
"""How much longer than the drain a rebalance may take before the process gives itself up."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class PollLimits:
    """Bounds of the poll thread."""

    drain_seconds: float = 10.0
    """How long a partition that is taken away may finish what is under way."""


class PollThread:
    """Runs from `start` until `close`, or until the source fails, which `LoopSide.fail` is told."""

    def __init__(
        self,
        source: RecordSource,
        starts: StartPositions,
        *,
        side: LoopSide,
        limits: PollLimits,
        now_ms: Callable[[], int],
    ) -> None:
        self._source = source
        self._starts = starts
        self._side = side
        self._limits = limits
        self._now_ms = now_ms
        self._loop = asyncio.get_running_loop()
        self._commands: deque[Callable[[], None]] = deque()
        self._assigned: set[Partition] = set()
        self._held = HeldPartitions(starts)
        self._paused: set[Partition] = set()
        self._wanted: list[str] = []
        self._ahead = 0
        self._taken = threading.Event()
        self._closing = threading.Event()
        self._next_round = 0.0
        self._thread = threading.Thread(target=self._run, name="poll", daemon=True)
        self.last_poll_seconds = time.monotonic()
        """`time.monotonic()` of the last poll."""
        self.has_joined = False
        """The group has answered at least once."""

    # Called on the event loop.

    def start(self) -> None:
        self._thread.start()

    @property
    def is_suspect(self) -> bool:
        """It has not polled for so long that its partitions may be somebody else's."""
        return time.monotonic() - self.last_poll_seconds > SUSPECT_SECONDS

    def subscribe(self, topics: Sequence[str]) -> None:
        """Read exactly these topics from now on."""
        self._commands.append(lambda: self._subscribe(topics))

    def pause(self, partitions: frozenset[Partition]) -> None:
        self._commands.append(lambda: self._pause(partitions))

    def resume(self, partitions: frozenset[Partition]) -> None:
        self._commands.append(lambda: self._resume(partitions))

    def commit(self, progress: Sequence[Progress]) -> None:
        self._commands.append(lambda: self._source.commit(progress))

    async def commit_and_wait(self, progress: Sequence[Progress]) -> bool:
        """Return when the brokers have it; False where they refused."""
        committed: Future[bool] = Future()

        def commit() -> None:
            if committed.set_running_or_notify_cancel():
                committed.set_result(self._source.commit_and_wait(progress))

        self._commands.append(commit)
        return await asyncio.wrap_future(committed)

    async def close(self, progress: Sequence[Progress]) -> None:
        """Commit, leave the consumer and end the thread.

        Brokers that do not answer are not waited for long: what they have not committed is
        repeated, and the process may end.
        """
        self._commands.append(lambda: self._finish(progress))
        self._closing.set()
        self._taken.set()
        await asyncio.to_thread(self._thread.join, FINISH_SECONDS)
        if self._thread.is_alive():
            log.warning("the brokers did not answer the last commit in %.0f s", FINISH_SECONDS)

    # Everything below runs on the poll thread.

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                self._run_commands()
                self._poll()
            self._run_commands()
        except Exception as error:  # noqa: BLE001 - fail-stop: the process ends and starts anew, nothing is committed
            log.error("the consumer stopped: %s", error)  # noqa: TRY400 - its raiser reports the rest
            self._loop.call_soon_threadsafe(self._side.fail, error)
        finally:
            self._source.close()

    def _run_commands(self) -> None:
        for _ in range(len(self._commands)):
            self._commands.popleft()()

    def _poll(self) -> None:
        if self._ahead >= BATCHES_AHEAD:
            self._taken.wait(POLL_SECONDS)
            self._taken.clear()
            return
        polled = self._source.poll(POLL_SECONDS, limit=POLL_RECORDS)
        now = time.monotonic()
        if now - self.last_poll_seconds > SUSPECT_SECONDS:
            self._verify()
        self.last_poll_seconds = now
        if polled.records:
            self._ahead += 1
            self._loop.call_soon_threadsafe(self._hand_over, polled.records)
        if polled.lost:
            self._hold(polled.lost)
        if polled.commit_failed:
            self._loop.call_soon_threadsafe(self._side.commit_again)
        if now >= self._next_round:
            self._next_round = now + ROUND_SECONDS
            self._round()

    def _verify(self) -> None:
        """So long without a poll that the group may have given our partitions away.

        The coordinator knows: it takes a commit from the members of its generation alone.
        """
        for start in self._source.committed(sorted(self._assigned)[:1]).values():
            progress = progress_at(start, start.metadata)
            if not self._source.commit_and_wait([progress]):
                self.lost(sorted(self._assigned))

    def _hand_over(self, records: list[Record]) -> None:
        """On the event loop."""
        self._side.take(records)
        self._ahead -= 1
        self._taken.set()

    def _round(self) -> None:
        self._begin_decided()
        if self._assigned:
            positions = self._source.positions(sorted(self._assigned))
            # Queued behind every batch handed over so far, so that a position is never ahead of its
            # records.
            self._loop.call_soon_threadsafe(self._side.skip_to, positions)
            ends = self._source.ends(sorted(self._assigned))
            self._loop.call_soon_threadsafe(self._side.report_ends, ends)

    def _finish(self, progress: Sequence[Progress]) -> None:
        if progress:
            self._source.commit_and_wait(progress)

    def _subscribe(self, topics: Sequence[str]) -> None:
        """Join with one topic, and then ask for all.

        A static member that comes back is given its old assignment, whatever it subscribes to now;
        only a change of its subscription makes the group look again.
        """
        self._wanted = list(topics)
        self._source.subscribe(self._wanted if self.has_joined else self._wanted[:1], self)

    def _pause(self, partitions: frozenset[Partition]) -> None:
        partitions = (partitions & self._assigned) - self._paused
        if partitions:
            self._source.pause(sorted(partitions))
            self._paused |= partitions

    def _resume(self, partitions: frozenset[Partition]) -> None:
        partitions = partitions & self._paused
        if partitions:
            self._source.resume(sorted(partitions))
            self._paused -= partitions

    # Positions that the group has lost.

    def _hold(self, lost: Sequence[LostPosition]) -> None:
        self._held.add(lost)
        reading = [partition for partition, _ in lost if partition in self._assigned]
        if reading:
            self._assigned.difference_update(reading)
            self._paused.difference_update(reading)
            self._source.hold(reading)
            self._wait(self._side.lose(frozenset(reading)))
        self._report_held()

    def _begin_decided(self) -> None:
        decided = self._held.take_decided()
        if not decided:
            return
        self._begin([begin_at(start) for start in decided])
        self._source.begin(decided)
        self._report_held()

    def _report_held(self) -> None:
        self._loop.call_soon_threadsafe(self._side.report_held, self._held.reasons)

    def _begin(self, begins: Sequence[Begin]) -> None:
        self._assigned.update(begin.start.partition for begin in begins)
        self._loop.call_soon_threadsafe(self._side.begin, begins)

    # RebalanceListener, called inside `poll`.

    def assigned(self, partitions: Sequence[Partition]) -> list[StartAt]:
        if not self.has_joined:
            self.has_joined = True
            self._commands.append(lambda: self._subscribe(self._wanted))
        starts = self._starts.starts(partitions)
        begins = [begin_at(start) for start in starts.begin]
        self._write_down(begins)
        self._begin(begins)
        if starts.held:
            self._hold(starts.held)
        return starts.begin

    def _write_down(self, begins: Sequence[Begin]) -> None:
        """That they are ours from here on, so that our death would be seen."""
        now_ms = self._now_ms()
        progress = [progress_at(begin.start, begun_note(begin, now_ms=now_ms)) for begin in begins]
        if progress and not self._source.commit_and_wait(progress):
            self._commands.append(lambda: self._source.commit(progress))

    def revoked(self, partitions: Sequence[Partition]) -> list[Progress]:
        leaving = self._drop(partitions)
        return self._wait(self._side.give_up(leaving))

    def lost(self, partitions: Sequence[Partition]) -> None:
        self._wait(self._side.lose(self._drop(partitions)))

    def _drop(self, partitions: Sequence[Partition]) -> frozenset[Partition]:
        self._held.drop(partitions)
        leaving = frozenset(partitions) & self._assigned
        # A paused flag would survive into the next assignment of the same partition.
        self._resume(leaving)
        self._assigned -= leaving
        return leaving

    def _wait(self, work: Coroutine[None, None, _T]) -> _T:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        # The event loop bounds its own work; far beyond that bound it is stuck, and the process
        # must not go on.
        try:
            return future.result(self._limits.drain_seconds + STUCK_SECONDS)
        except TimeoutError as error:
            raise SourceFailed("the event loop did not answer a rebalance in time") from error
