"""`python -m tests.faults.frozen_stage STAGE --slot N`: a stage that stops itself as it joins.

As if its machine had gone to sleep between the group's first answer and what follows from it.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

import uvloop

from pipeline.adapters.kafka.cluster import Cluster
from pipeline.adapters.kafka.codec import RecordCodec
from pipeline.adapters.kafka.schema_files import load_schemas
from pipeline.adapters.kafka.topics import Topics
from pipeline.flow import Partition, StartAt
from pipeline.ports import StartPositions, Starts
from pipeline.resources import SCHEMAS_DIR
from pipeline.settings import Settings
from pipeline.slots import Slot
from pipeline.wiring.configuration import topic_file
from pipeline.wiring.connection import connection
from pipeline.wiring.stage_process import (
    BuiltStage,
    Opening,
    Parts,
    StageDefinition,
    Surroundings,
    run_stage,
)
from pipeline.wiring.stages import definition_of
from pipeline.wiring.stop_requests import StopRequests


class FreezingStarts:
    """The stage's own; but after its first answer the process stops until told to go on."""

    def __init__(self, starts: StartPositions) -> None:
        self._starts = starts
        self._has_frozen = False

    def starts(self, partitions: Sequence[Partition]) -> Starts:
        found = self._starts.starts(partitions)
        if not self._has_frozen:
            self._has_frozen = True
            os.kill(os.getpid(), signal.SIGSTOP)
        return found

    def decisions(self, held: Sequence[Partition]) -> list[StartAt]:
        return self._starts.decisions(held)


class FreezingStage:
    """The stage, with these."""

    def __init__(self, definition: StageDefinition) -> None:
        self._definition = definition

    @property
    def tables(self) -> Sequence[str]:
        return self._definition.tables

    async def build(self, parts: Parts) -> BuiltStage:
        return await self._definition.build(parts)

    def starts(self, opening: Opening) -> StartPositions:
        return FreezingStarts(self._definition.starts(opening))


def main() -> None:
    stage, slot = sys.argv[1], int(sys.argv[3])
    settings = Settings()
    file = topic_file(settings)
    reached = connection(settings, client=f"{stage}-{slot}")
    surroundings = Surroundings(
        settings=settings,
        connection=reached,
        topic_file=file,
        topics=Topics(Cluster(reached), file),
        codec=RecordCodec(load_schemas(SCHEMAS_DIR)),
        slot=Slot(settings.data_dir / "run", stage, wanted=slot),
        stops=StopRequests(),
    )
    uvloop.run(run_stage(FreezingStage(definition_of(stage)), surroundings))


if __name__ == "__main__":
    main()
