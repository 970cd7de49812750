"""Publishes what the store's transactions leave for Kafka, and tells who waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from enum import Enum, auto
from functools import partial
from types import MappingProxyType
from typing import Final, ParamSpec, TypeVar

from pipeline.api.outbox_page import PagePublisher, superseded_by
from pipeline.api.problems import unavailable
from pipeline.domain.table_positions import POSITIONS_HEADER, write_positions
from pipeline.domain.topology import Topology
from pipeline.ports import StoreFailed
from pipeline.publishing import OutboxPublisher, OutboxStore, OutboxTurn, PendingRecord

log = logging.getLogger(__name__)

_P = ParamSpec("_P")
_T = TypeVar("_T")

WAIT_SECONDS: Final = 10.0
"""So long a caller waits for Kafka."""

_LOOK_SECONDS: Final = 1.0
"""Between two looks for what other processes left when they died."""
_OTHERS_TURN_SECONDS: Final = 0.01
"""Between two looks whether the process whose turn it is has published what is waited for."""
_PAGE_RECORDS: Final = 500


class Told(Enum):
    """What whoever waits for a record learns."""

    PUBLISHED = auto()
    REFUSED = auto()


class Outbox:
    """One for each process. Used on the event loop.

    A record is published at least once, in the order of the commits; of several records of one key
    of a table that are due together only the newest. What Kafka will never take as it is does not
    hold the others: it stays, and is tried again every second.
    """

    def __init__(
        self, store: OutboxStore, publisher: OutboxPublisher, *, topology: Topology
    ) -> None:
        self._store = store
        self._publisher = publisher
        self._pages = PagePublisher(publisher)
        self._topology = topology
        self._waiting: dict[int, list[asyncio.Future[bool]]] = {}
        self._wake = asyncio.Event()
        self._ready = asyncio.Event()
        self._positions: dict[str, int] = {}
        self._header = (POSITIONS_HEADER, b"")
        self._trouble: str | None = None

    @property
    def positions(self) -> Mapping[str, int]:
        """By topic of a table the offset after the last record that is known to be published."""
        return MappingProxyType(self._positions)

    @property
    def header(self) -> tuple[str, bytes]:
        """For an event that is accepted now: it is routed by tables that are at least so far."""
        return self._header

    @property
    def trouble(self) -> str | None:
        """Why something is not published, for people who run this; None where nothing is known."""
        return self._trouble

    async def wait_ready(self) -> None:
        """Return once the positions are known."""
        await self._ready.wait()

    async def wait(self, sequence: int) -> None:
        """Return once Kafka has the record of a committed transaction (`RegistryWriter.sequence`).

        Raises Problem (503) after `WAIT_SECONDS`, or once Kafka has refused it; it is published as
        soon as may be all the same.
        """
        if not await self.is_published(sequence, within_seconds=WAIT_SECONDS):
            raise unavailable(
                "It is stored, and takes effect as soon as Kafka has acknowledged it, which it has"
                " not done in time. Asking for the same again does no harm."
            )

    async def is_published(self, sequence: int, *, within_seconds: float) -> bool:
        """Whether Kafka has it by then; no sooner where it has refused it.

        0, of a transaction that published nothing, always is.
        """
        if sequence <= 0:
            return True
        published: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(sequence, []).append(published)
        self._wake.set()
        try:
            async with asyncio.timeout(within_seconds):
                return await published
        except TimeoutError:
            return False
        finally:
            self._forget(sequence, published)

    async def run(self) -> None:
        """Publish for ever.

        Raises:
            SinkFailed, TurnLost: the process has to start anew.
        """
        while True:
            self._wake.clear()
            is_ours = True
            try:
                is_ours = await self.publish_pending()
            except StoreFailed as exc:
                self._complain(f"the store does not say what is to be published: {exc}")
            if is_ours or not self._waiting:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_SECONDS):
                        await self._wake.wait()
            else:
                await asyncio.sleep(_OTHERS_TURN_SECONDS)

    async def publish_pending(self) -> bool:
        """Publish what is pending now, once; False where it is another process's turn.

        Afterwards `trouble` says why something is left. For commands; whoever has `run` going
        calls nothing else. Raises StoreFailed, and as `run`.
        """
        waiting = set(self._waiting)
        async with self._turn() as turn:
            if turn is None:
                outlook = await _finished(self._store.outlook, sorted(waiting))
                self._know(outlook.positions)
                self._tell(waiting - outlook.pending)
                return False
            self._know(await _finished(turn.positions))
            refusals: dict[int, str] = {}
            after = 0
            while page := await _finished(turn.pending, after=after, limit=_PAGE_RECORDS):
                waiting.difference_update(each.sequence for each in page)
                refusals |= await self._publish(page, turn)
                if len(page) < _PAGE_RECORDS:
                    break
                after = page[-1].sequence
            # They were committed before we looked, so somebody else has published them.
            self._tell(waiting)
        if not refusals:
            self._trouble = None
        return True

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncGenerator[OutboxTurn | None]:
        closing = contextlib.ExitStack()
        try:
            yield await _finished(closing.enter_context, self._store.turn())
        except asyncio.CancelledError:
            # What is under way must not overtake whoever has the turn next.
            await _finished(self._publisher.give_up)
            raise
        finally:
            await _finished(closing.close)

    async def _publish(self, page: Sequence[PendingRecord], turn: OutboxTurn) -> dict[int, str]:
        """Answer by sequence why some of it was refused; tables come before events."""
        tables = await self._pages.publish_tables(page)
        self._know({**self._positions, **tables.positions})
        events = await self._pages.publish_events(page, self._header)
        done = [*tables.done, *events.done]
        self._tell(superseded_by(done, page))
        refusals = {**tables.refusals, **events.refusals}
        if refusals:
            self._complain(next(iter(refusals.values())))
        self._tell(refusals, Told.REFUSED)
        if done:
            await _finished(turn.published, done, tables.positions)
        return refusals

    def _know(self, positions: Mapping[str, int]) -> None:
        if positions != self._positions or not self._ready.is_set():
            self._positions = dict(positions)
            prefix = self._topology.prefix
            names = {topic.removeprefix(prefix): offset for topic, offset in positions.items()}
            self._header = (POSITIONS_HEADER, write_positions(names))
            self._ready.set()

    def _tell(self, sequences: Iterable[int], told: Told = Told.PUBLISHED) -> None:
        for sequence in sequences:
            for published in self._waiting.get(sequence, ()):
                if not published.done():
                    published.set_result(told is Told.PUBLISHED)

    def _forget(self, sequence: int, published: asyncio.Future[bool]) -> None:
        its = self._waiting[sequence]
        its.remove(published)
        if not its:
            del self._waiting[sequence]

    def _complain(self, trouble: str) -> None:
        if trouble != self._trouble:
            log.warning("not published, tried again every second: %s", trouble)
        self._trouble = trouble


async def _finished(function: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """What the function answers in a thread; one that is cancelled meanwhile sees it end first."""
    work = asyncio.get_running_loop().run_in_executor(None, partial(function, *args, **kwargs))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        raise
