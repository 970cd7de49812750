"""Accepting events, put together: what the API's process needs of Kafka and of the store for it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter
from starlette.types import ASGIApp

from pipeline.adapters.kafka.codec import RecordCodec
from pipeline.adapters.kafka.event_log import KafkaEventLog
from pipeline.adapters.kafka.source_formats import SourceFormat
from pipeline.adapters.kafka.table_logs import KafkaTableLogs
from pipeline.adapters.kafka.tables import TableReader
from pipeline.adapters.kafka.topic_file import TopicFile
from pipeline.adapters.profile_files import read_profile_files
from pipeline.api.direct_ingest import direct_operations
from pipeline.api.event_checks import EventChecks
from pipeline.api.event_dry_run import DryRun
from pipeline.api.event_schemas import EventSchemas
from pipeline.api.events import EventPorts, router
from pipeline.api.ingest import Ingest, IngestPorts
from pipeline.api.repetition import Repetition
from pipeline.api.table_reach import TableReach
from pipeline.clock import now_ms
from pipeline.domain.event_document import EventKey
from pipeline.domain.profile_table import Profiles
from pipeline.registry import Registry
from pipeline.resources import PROFILES_DIR
from pipeline.wiring.connection import Connection
from pipeline.wiring.live_tables import INTERVENTIONS, ROUTING_TABLES, LiveTables
from pipeline.wiring.stage_process import FLUSH_SECONDS, TopicsUnfit

_WRITTEN: Final = (SourceFormat.AUTO, SourceFormat.AVRO)


@dataclass(frozen=True, slots=True)
class IngestSurroundings:
    """What the API's process has."""

    connection: Connection
    topic_file: TopicFile
    codec: RecordCodec
    registry: Registry
    event_key: EventKey
    on_failed: Callable[[BaseException], None]
    """The process cannot go on, and has to start anew. Called on the event loop."""


@dataclass(frozen=True, slots=True)
class EventIngest:
    """What the API's application and its process need of it."""

    router: APIRouter
    direct: Mapping[tuple[str, str], ASGIApp]
    tables: LiveTables
    """Kept up to date until it is closed."""
    reach: TableReach
    table_logs: KafkaTableLogs
    event_log: KafkaEventLog
    work: Sequence[Callable[[], Coroutine[Any, Any, None]]]
    """Goes on beside the requests, for ever."""


async def open_event_ingest(at: IngestSurroundings, closing: AsyncExitStack) -> EventIngest:
    """Return when the tables are in memory.

    Raises:
        TopicsUnfit: the router would not read what is published.
    """
    _check_format(at.topic_file)
    tables = await _followed_tables(at, closing)
    reach = TableReach(tables)
    table_logs = KafkaTableLogs(
        at.connection, {at.topic_file.topology.named(name): name for name in ROUTING_TABLES}
    )
    closing.push_async_callback(table_logs.close)
    schemas = EventSchemas(at.registry)
    await schemas.refresh()
    checks = EventChecks(tables, schemas)
    repetition = Repetition(at.registry, now_ms=now_ms)
    event_log = _event_log(at, closing)
    ingest = Ingest(
        IngestPorts(
            checks=checks,
            reach=reach,
            table_logs=table_logs,
            event_log=event_log,
            encode=at.codec.encode_event,
            event_key=at.event_key,
            topic=at.topic_file.topology.events,
            repetition=repetition,
            now_ms=now_ms,
        )
    )
    dry_run = DryRun(tables, reach, table_logs, checks)
    return EventIngest(
        router(EventPorts(ingest, dry_run, now_ms)),
        direct_operations(ingest),
        tables,
        reach,
        table_logs,
        event_log,
        (schemas.follow, repetition.forget),
    )


async def _followed_tables(at: IngestSurroundings, closing: AsyncExitStack) -> LiveTables:
    profiles = Profiles(read_profile_files(PROFILES_DIR))
    names = (*ROUTING_TABLES, INTERVENTIONS)
    tables = LiveTables(at.codec, at.topic_file.topology, profiles=profiles, names=names)
    reader = TableReader(
        at.connection,
        tables.topics,
        apply=tables.apply,
        on_failed=at.on_failed,
        on_ends=tables.reach,
    )
    closing.push_async_callback(reader.close)
    await reader.start()
    tables.built()
    return tables


def _event_log(at: IngestSurroundings, closing: AsyncExitStack) -> KafkaEventLog:
    event_log = KafkaEventLog(at.connection, on_failed=at.on_failed)
    closing.push_async_callback(event_log.close, wait_seconds=FLUSH_SECONDS)
    return event_log


def _check_format(file: TopicFile) -> None:
    topic = file.topology.events
    found = next((source.format for source in file.sources if source.topic == topic), None)
    if found is None:
        raise TopicsUnfit(f"{topic} is no source: add it to topics.yaml, the API publishes there")
    if found not in _WRITTEN:
        raise TopicsUnfit(
            f"{topic} takes {found} alone, and the API writes Avro: set its format to auto"
        )
