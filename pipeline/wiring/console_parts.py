"""The console, put together: the pages in front of the API."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import groupby
from time import monotonic
from typing import Final, NamedTuple

from starlette.types import ASGIApp

from pipeline.adapters.kafka.cluster import ClusterFailed
from pipeline.adapters.kafka.inquiry import KafkaRefused, KafkaUnreachable
from pipeline.api.authentication import Authentication
from pipeline.api.console.live import LivePages
from pipeline.api.console.live_parts import LiveParts
from pipeline.api.console.live_places import Places
from pipeline.api.console.page_routes import page_routes
from pipeline.api.console.pages.overview import Backlog, ReadPosition, Waiting
from pipeline.api.console.pages.system import SystemPorts
from pipeline.api.console.pages_served import Console, with_console
from pipeline.api.console.rendering import Rendering
from pipeline.api.console.sessions import SessionPorts, SessionRules, Sessions
from pipeline.api.console.signing_in import Door
from pipeline.api.console.static_files import StaticFiles
from pipeline.api.console_links import ConsoleLinks
from pipeline.api.status import Standing
from pipeline.clock import now_ms
from pipeline.operating import OperatorStore
from pipeline.ports import SourceFailed
from pipeline.settings import Settings
from pipeline.wiring.reach import Reach
from pipeline.wiring.reading_groups import PartitionState, ReadPartition, ReadTopic, read_topics_of
from pipeline.wiring.shown_settings import shown_settings, shown_versions
from pipeline.wiring.stage_topics import TopicKind

log = logging.getLogger(__name__)

_FRESH_SECONDS: Final = 4.0
"""Kafka is asked at most so often, however many look at the page."""
_PATIENCE_SECONDS: Final = 1.0
_FIRST_SECONDS: Final = 1.0
"""Two readings make a rate."""
"""A page waits no longer for the first answer, and for no later one: it is live."""
_MS_PER_MINUTE: Final = 60_000
_MS_PER_HOUR: Final = 3_600_000
_FIRST_STAGE: Final = "router"
_KINDS: Final = {TopicKind.WAITING: "tier", TopicKind.INACTIVE: "inactive"}
_OWN: Final = {"late": "endpoints' own topics", "inactive": "of inactive endpoints"}


class Pages(NamedTuple):
    """The console, made."""

    in_front_of: Callable[[ASGIApp], ASGIApp]
    """Puts them there: an API."""
    end_streams: Callable[[], None]
    """Pages that are told what is new would hold the process up."""


def console_over(
    settings: Settings,
    *,
    store: OperatorStore,
    authentication: Authentication,
    links: ConsoleLinks,
    system: SystemPorts,
) -> Pages:
    """All pages."""
    chosen = settings.console
    rules = SessionRules(chosen.session_hours * _MS_PER_HOUR, chosen.idle_minutes * _MS_PER_MINUTE)
    sessions = Sessions(SessionPorts(store, authentication, rules, now_ms, os.urandom))
    files = StaticFiles()
    rendering = Rendering(files)
    door, live = Door(sessions, links, rendering), LiveParts()
    console = Console(
        door=door,
        rendering=rendering,
        files=files,
        pages=page_routes(system),
        live=LivePages(live, Places(), door.visitor),
        now_ms=now_ms,
        frame_ancestors=chosen.frame_ancestors,
    )
    return Pages(partial(with_console, console=console), live.close)


def system_ports(
    settings: Settings,
    *,
    standing: Callable[[], Awaitable[Standing]],
    ask_backlog: Callable[[], Awaitable[Backlog | None]],
) -> SystemPorts:
    """What operators are told of the system."""
    return SystemPorts(standing, ask_backlog, shown_settings(settings), shown_versions())


class BacklogAsking:
    """Asks Kafka what waits, for all who look at once. Event loop only."""

    def __init__(self, at: Reach) -> None:
        self._at = at
        self._asked_at = -_FRESH_SECONDS
        self._known: Backlog | None = None
        self._question: asyncio.Future[Backlog | None] | None = None

    async def ask(self) -> Backlog | None:
        """What was known when it was last asked; None where Kafka has not answered yet."""
        has_rate = self._known is not None and self._known.events_per_second is not None
        fresh_seconds = _FRESH_SECONDS if has_rate else _FIRST_SECONDS
        if monotonic() - self._asked_at >= fresh_seconds and self._question is None:
            loop = asyncio.get_running_loop()
            self._question = loop.run_in_executor(None, self._read)
            self._question.add_done_callback(self._note)
        if not has_rate and self._question is not None:
            await asyncio.wait([self._question], timeout=_PATIENCE_SECONDS)
        return self._known

    def _note(self, question: asyncio.Future[Backlog | None]) -> None:
        self._question = None
        self._asked_at = monotonic()
        found = None if question.cancelled() else question.result()
        self._known = None if found is None else found.after(self._known)

    def _read(self) -> Backlog | None:
        try:
            return backlog_of(read_topics_of(self._at), now_ms())
        except (KafkaUnreachable, KafkaRefused, SourceFailed, ClusterFailed) as exc:
            log.warning("what waits is not known: %s", exc)
            return None


def backlog_of(topics: list[ReadTopic], at_ms: int) -> Backlog:
    """A row for each topic; endpoints' own topics are summed up."""

    def row_of(topic: ReadTopic) -> tuple[str, str, str]:
        kind = _KINDS.get(topic.kind, "late")
        return topic.stage, _OWN.get(kind, "") if topic.is_own else topic.topic, kind

    return Backlog(
        at_ms,
        tuple(
            _row(*of_row, topics=list(found))
            for of_row, found in groupby(sorted(topics, key=_rank), key=row_of)
        ),
        events_end=sum(
            partition.lag.end
            for topic in topics
            if topic.stage == _FIRST_STAGE
            for partition in topic.partitions
        ),
        positions=tuple(_position(topic, one) for topic in topics for one in topic.partitions),
    )


def _position(topic: ReadTopic, one: ReadPartition) -> ReadPosition:
    name, number = one.lag.partition
    return ReadPosition(
        topic.stage,
        name,
        number,
        state=one.state,
        committed=one.lag.committed,
        end=one.lag.end,
        late=one.lag.lag,
        oldest_ms=one.lag.oldest_ms,
    )


def _rank(topic: ReadTopic) -> tuple[int, bool, str]:
    """Stages in the order of the flow, endpoints' own topics last, by whether they are late."""
    order = ("router", "sender", "scheduler", "recorder").index(topic.stage)
    return order, topic.is_own, topic.kind if topic.is_own else ""


def _row(stage: str, name: str, kind: str, *, topics: list[ReadTopic]) -> Waiting:
    partitions = [partition for topic in topics for partition in topic.partitions]
    times = [one.lag.oldest_ms for one in partitions if one.lag.oldest_ms is not None]
    return Waiting(
        stage,
        f"{name} ({len(topics)})" if len(topics) > 1 else name,
        kind,
        records=sum(one.lag.lag for one in partitions),
        oldest_ms=min(times, default=None),
        held=sum(one.state is PartitionState.HELD for one in partitions),
    )
