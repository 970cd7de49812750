"""The recorder, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.adapters.kafka.start_positions import GroupStarts
from pipeline.adapters.storage.archiving import StoreArchive
from pipeline.adapters.storage.errors import StoreUnavailable, StoreUnusable
from pipeline.adapters.storage.opening import open_store
from pipeline.adapters.storage.recorder_store import RecorderStore
from pipeline.clock import now_ms, now_ns
from pipeline.ports import StoreFailed
from pipeline.stages.archiving import Archiving, ArchivingPorts
from pipeline.stages.recorder import Recorder, RecorderPorts
from pipeline.stages.recording_traces import RecordingTraces
from pipeline.wiring.configuration import store_url
from pipeline.wiring.judge_parts import open_judge
from pipeline.wiring.live_tables import ENDPOINT_TABLES
from pipeline.wiring.recorder_store import AttemptStoreOf, StoreStarts
from pipeline.wiring.stage_process import BuiltStage

if TYPE_CHECKING:
    from pipeline.adapters.storage.engine import Store
    from pipeline.ports import StartPositions
    from pipeline.wiring.stage_process import Opening, Parts, Surroundings


class RecorderStage:
    """Implements `StageDefinition`."""

    tables = ENDPOINT_TABLES

    def __init__(self) -> None:
        self._store: Store | None = None

    async def build(self, parts: Parts) -> BuiltStage:
        at = parts.surroundings
        judge = await open_judge(at, owns=lambda: recorder.is_first, closing=parts.closing)
        recorder = Recorder(
            parts.loop,
            RecorderPorts(
                store=AttemptStoreOf(RecorderStore(self._opened(at))),
                records=at.codec,
                outlet=parts.outlet,
                dead=parts.dead,
                tally=parts.tally,
                attempts_topic=at.topology.attempts,
                tracing=RecordingTraces(parts.spans, group=at.group, now_ns=now_ns),
                on_written=judge.on_written,
            ),
        )
        topics = (at.topology.attempts, at.topology.dead_letter)
        archiving = Archiving(
            ArchivingPorts(
                archive=StoreArchive(self._opened(at)),
                now_ms=now_ms,
                after_ms=at.settings.archive.after_ms,
                rows_ms=at.settings.archive.rows_ms,
                round_seconds=at.settings.archive.round_seconds,
            )
        )
        return BuiltStage(recorder, lambda: topics, (recorder.work, archiving.work, *judge.work))

    def starts(self, opening: Opening) -> StartPositions:
        source = opening.source
        group = GroupStarts(source, opening.memory, first_offset=source.first_offset)
        return StoreStarts(RecorderStore(self._opened(opening.surroundings)), group)

    def _opened(self, at: Surroundings) -> Store:
        if self._store is None:
            try:
                self._store = open_store(store_url(at.settings))
            except (StoreUnavailable, StoreUnusable) as error:
                raise StoreFailed(str(error)) from error
        return self._store
