"""The recorder, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.adapters.kafka.start_positions import GroupStarts
from pipeline.adapters.storage.errors import StoreUnavailable, StoreUnusable
from pipeline.adapters.storage.opening import open_store
from pipeline.adapters.storage.recorder_store import RecorderStore
from pipeline.ports import StoreFailed
from pipeline.stages.recorder import Recorder, RecorderPorts
from pipeline.wiring.configuration import store_url
from pipeline.wiring.live_tables import ENDPOINT_TABLES
from pipeline.wiring.recorder_store import AttemptStoreOf, StoreStarts
from pipeline.wiring.stage_process import BuiltStage

if TYPE_CHECKING:
    from pipeline.ports import StartPositions
    from pipeline.wiring.stage_process import Opening, Parts, Surroundings


class RecorderStage:
    """Implements `StageDefinition`."""

    tables = ENDPOINT_TABLES

    def __init__(self) -> None:
        self._store: RecorderStore | None = None

    async def build(self, parts: Parts) -> BuiltStage:
        at = parts.surroundings
        recorder = Recorder(
            parts.loop,
            RecorderPorts(
                store=AttemptStoreOf(self._opened(at)),
                records=at.codec,
                outlet=parts.outlet,
                dead=parts.dead,
                tally=parts.tally,
                attempts_topic=at.topology.attempts,
            ),
        )
        topics = (at.topology.attempts, at.topology.dead_letter)
        return BuiltStage(recorder, lambda: topics, (recorder.work,))

    def starts(self, opening: Opening) -> StartPositions:
        source = opening.source
        group = GroupStarts(source, opening.memory, first_offset=source.first_offset)
        return StoreStarts(self._opened(opening.surroundings), group)

    def _opened(self, at: Surroundings) -> RecorderStore:
        if self._store is None:
            try:
                self._store = RecorderStore(open_store(store_url(at.settings)))
            except (StoreUnavailable, StoreUnusable) as error:
                raise StoreFailed(str(error)) from error
        return self._store
