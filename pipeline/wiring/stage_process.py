"""One process of one stage: what all stages have in common, put together and kept running."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from pipeline.adapters.kafka.log_cuts import UncutStarts
from pipeline.adapters.kafka.sink import KafkaSink
from pipeline.adapters.kafka.source import KafkaSource
from pipeline.adapters.kafka.start_memory import KafkaStartMemory
from pipeline.clock import now_ms
from pipeline.engine.consume_loop import ConsumeLoop, LoopLimits
from pipeline.engine.outlet import Outlet
from pipeline.engine.tasks import Tasks
from pipeline.ports import SinkFailed, SourceFailed
from pipeline.stages.dead_lettering import DeadLettering
from pipeline.telemetry.health_server import Health, HealthServer
from pipeline.telemetry.setup import Gauge, Telemetry, TelemetryTarget, start_telemetry
from pipeline.telemetry.spans import Spans
from pipeline.telemetry.tally import Fact, Tally
from pipeline.wiring.loop_gauges import loop_gauges
from pipeline.wiring.table_following import empty_tables, follow_tables

if TYPE_CHECKING:
    from pipeline.adapters.kafka.codec import RecordCodec
    from pipeline.adapters.kafka.topic_file import TopicFile
    from pipeline.adapters.kafka.topics import Topics
    from pipeline.domain.topology import Topology
    from pipeline.ports import Intake, StartPositions
    from pipeline.settings import Settings
    from pipeline.slots import Slot
    from pipeline.wiring.connection import Connection
    from pipeline.wiring.live_tables import LiveTables
    from pipeline.wiring.stop_requests import StopRequests

log = logging.getLogger(__name__)

NO_POLL_SECONDS = 30.0
"""A loop that has not polled for so long is not alive."""
RESUBSCRIBE_SECONDS = 0.5
"""Changes of what is read are gathered for so long: each one moves partitions between processes."""
FLUSH_SECONDS = 3.0

Work = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a process is given."""

    settings: Settings
    connection: Connection
    topic_file: TopicFile
    topics: Topics
    codec: RecordCodec
    slot: Slot
    stops: StopRequests
    own_group: str | None = None  # instead of the stage's

    @property
    def topology(self) -> Topology:
        """Names of topics."""
        return self.topic_file.topology

    @property
    def group(self) -> str:
        """The stage's consumer group."""
        return self.own_group or f"{self.settings.kafka.topic_prefix}{self.slot.stage}"


@dataclass(frozen=True, slots=True)
class Parts:
    """What a stage's intake is built from."""

    surroundings: Surroundings
    tables: LiveTables
    loop: ConsumeLoop
    outlet: Outlet
    dead: DeadLettering
    tally: Tally
    spans: Spans
    tasks: Tasks
    closing: AsyncExitStack


@dataclass(frozen=True, slots=True)
class BuiltStage:
    """An intake, what runs beside it for ever, and what it reads now."""

    intake: Intake
    topics: Callable[[], Sequence[str]]
    """Asked again whenever the tables change; the group is joined with the first, which exists."""
    work: Sequence[Work] = ()
    gauges: Mapping[Fact, Gauge] = field(default_factory=dict[Fact, Gauge])
    """Of this stage alone; asked on another thread."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What decides where partitions begin."""

    surroundings: Surroundings
    source: KafkaSource
    memory: KafkaStartMemory


class StageDefinition(Protocol):
    """How one stage is made; one instance for each process."""

    @property
    def tables(self) -> Sequence[str]:
        """Those that it follows, without the topics' prefix."""
        ...

    async def build(self, parts: Parts) -> BuiltStage: ...

    def starts(self, opening: Opening) -> StartPositions: ...


async def run_stage(definition: StageDefinition, surroundings: Surroundings) -> None:
    """Run until SIGTERM or SIGINT. Raises what ended it otherwise.

    The process must then start anew.
    """
    stops = surroundings.stops
    async with AsyncExitStack() as closing:
        process = StageProcess(surroundings, closing)
        closing.enter_context(stops.answered_by(process.stop_soon))
        try:
            await process.run(definition)
        except asyncio.CancelledError:
            if not stops.is_asked:
                raise
        except (SourceFailed, SinkFailed) as error:
            if not stops.is_asked:
                raise
            log.warning("ended as it was told to, and otherwise would have anew: %s", error)


class TopicsUnfit(Exception):
    """A topic is not as correctness needs it; the text says how it differs and what to do."""


def check_topics(topics: Topics, file: TopicFile) -> None:
    """Warn of what differs; raise TopicsUnfit where nothing may be read or written."""
    verdict = topics.check((*file.topics, *(source.topic for source in file.sources)))
    for warning in verdict.warnings:
        log.warning("%s", warning)
    if verdict.refusals:
        raise TopicsUnfit("; ".join(verdict.refusals))


def rest_the_collector() -> None:
    """Keep the garbage collector away from what lives as long as the process, and call it rarely.

    The hot path makes few cycles; at Python's own thresholds collecting took 13 % of a loaded
    sender's time, with pauses of 40-80 ms (measured).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


class StageProcess:
    """Put together in `__init__`, run once."""

    def __init__(self, surroundings: Surroundings, closing: AsyncExitStack) -> None:
        self._surroundings = surroundings
        self._closing = closing
        self._tally = Tally()
        self._spans = Spans(None)
        self._telemetry: Telemetry | None = None
        self._built = False
        self._topics: tuple[str, ...] = ()
        self._loop: ConsumeLoop | None = None
        self._tables: LiveTables | None = None
        self._running = asyncio.current_task()
        self._events = asyncio.get_running_loop()

    def stop_soon(self) -> None:
        """End in order. May be called between any two steps of the main thread."""
        self._events.call_soon_threadsafe(self._stop)

    def _stop(self) -> None:
        if self._built and self._loop is not None:
            self._loop.stop()
        elif self._running is not None:
            # It still waits for its tables.
            self._running.cancel()

    async def run(self, definition: StageDefinition) -> None:
        at = self._surroundings
        slot, settings = at.slot, at.settings
        self._serve_health()
        await asyncio.to_thread(check_topics, at.topics, at.topic_file)
        source = KafkaSource(at.connection, group=at.group, member=slot.member)
        memory = KafkaStartMemory(at.connection, at.codec, topic=at.topology.positions)
        self._closing.callback(memory.close)
        loop = self._loop = ConsumeLoop(
            source,
            UncutStarts(
                definition.starts(Opening(at, source, memory)), at.connection, group=at.group
            ),
            limits=LoopLimits(
                unfinished_bytes=settings.stage.unfinished_megabytes * 1024 * 1024,
                drain_seconds=settings.stage.drain_seconds,
            ),
            now_ms=now_ms,
        )
        sink = KafkaSink(at.connection, on_failed=loop.fail)
        self._closing.push_async_callback(sink.close, wait_seconds=FLUSH_SECONDS)
        tables = self._tables = empty_tables(at.codec, at.topology, definition.tables)
        await follow_tables(tables, at.connection, on_failed=loop.fail, closing=self._closing)
        await self._consume(
            definition, loop, tables=tables, outlet=Outlet(sink, on_failed=loop.fail)
        )

    async def _consume(
        self, definition: StageDefinition, loop: ConsumeLoop, *, tables: LiveTables, outlet: Outlet
    ) -> None:
        at = self._surroundings
        dead = DeadLettering(at.topology.dead_letter, at.codec, now_ms=now_ms, tally=self._tally)
        tasks = Tasks(loop.fail)
        try:
            stage = await definition.build(
                Parts(
                    at, tables, loop, outlet, dead, self._tally, self._spans, tasks, self._closing
                )
            )
            if self._telemetry is not None:
                self._telemetry.observe(stage.gauges)
            for work in stage.work:
                tasks.start(work())
            self._subscribe(stage, loop)
            tables.listen(lambda _: self._subscribe_soon(stage, loop))
            self._built = True
            rest_the_collector()
            await loop.run(stage.intake)
        finally:
            await tasks.close()

    def _subscribe(self, stage: BuiltStage, loop: ConsumeLoop) -> None:
        topics = tuple(stage.topics())
        if topics != self._topics:
            self._topics = topics
            loop.subscribe(topics)

    def _subscribe_soon(self, stage: BuiltStage, loop: ConsumeLoop) -> None:
        asyncio.get_running_loop().call_later(RESUBSCRIBE_SECONDS, self._subscribe, stage, loop)

    def _serve_health(self) -> None:
        at = self._surroundings
        settings = at.settings
        telemetry = start_telemetry(
            TelemetryTarget(
                stage=at.slot.stage,
                instance=at.slot.member,
                otlp_endpoint=settings.telemetry.otlp_endpoint,
                sample_ratio=settings.telemetry.sample_ratio,
            ),
            self._tally,
            gauges=loop_gauges(lambda: self._loop),
        )
        self._telemetry = telemetry
        self._spans = telemetry.spans
        self._closing.callback(telemetry.close)
        server = HealthServer(
            settings.stage.health_host, settings.stage.health_port, judge=self._judge
        )
        self._closing.callback(server.close)
        at.slot.publish(server.port)

    def _judge(self) -> Health:
        if self._loop is None or not self._built:
            return Health(is_alive=True, is_ready=False, detail={"waiting_for": "tables"})
        facts = self._loop.facts()
        idle_seconds = time.monotonic() - facts.last_poll_seconds
        is_alive = idle_seconds < NO_POLL_SECONDS
        return Health(
            is_alive=is_alive,
            is_ready=is_alive and facts.has_joined,
            detail={
                "stage": self._surroundings.slot.stage,
                "partitions": facts.partitions,
                "tables": self._tables.positions_by_topic() if self._tables is not None else {},
                "unfinished": facts.unfinished,
                "held": [
                    f"{partition.topic}[{partition.number}]: {text}"
                    for partition, text in facts.held.items()
                ],
            },
        )
