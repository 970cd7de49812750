"""`python -m tests.faults.watched_stage STAGE --slot N`: a stage that says what it has fetched.

librdkafka's statistics of the group's consumer are written to a file, the newest alone.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import uvloop

from pipeline.adapters.kafka.cluster import Cluster
from pipeline.adapters.kafka.codec import RecordCodec
from pipeline.adapters.kafka.schema_files import load_schemas
from pipeline.adapters.kafka.topics import Topics
from pipeline.resources import SCHEMAS_DIR
from pipeline.settings import Settings
from pipeline.slots import Slot
from pipeline.wiring.configuration import topic_file
from pipeline.wiring.connection import connection
from pipeline.wiring.stage_process import Surroundings, run_stage
from pipeline.wiring.stages import definition_of
from pipeline.wiring.stop_requests import StopRequests
from tests.running_pipeline import RunningPipeline

PROGRAM = ("-m", "tests.faults.watched_stage")
FILE_VARIABLE = "TEST_STATISTICS_FILE"
EVERY_MS = 200


def watched(pipeline: RunningPipeline) -> Path:
    """Stages that are started from here on write their statistics there: one at a time."""
    file = pipeline.data_dir.parent / "statistics.json"
    pipeline.program = PROGRAM
    pipeline.settings[FILE_VARIABLE] = str(file)
    return file


def fetched_bytes(statistics: Path, topic: str) -> int:
    """What the brokers sent of a topic's records until a moment ago, read or thrown away."""
    partitions: dict[str, dict[str, int]] = json.loads(statistics.read_text()).get(topic, {})
    return sum(each["rxbytes"] for each in partitions.values())


def main() -> None:
    stage, slot = sys.argv[1], int(sys.argv[3])
    settings = Settings()
    file = topic_file(settings)
    reached = connection(settings, client=f"{stage}-{slot}")
    note = Path(os.environ[FILE_VARIABLE])

    def write_down(text: str) -> None:
        found = json.loads(text)
        if found["type"] == "consumer" and found.get("cgrp", {}).get("join_state") == "steady":
            topics = {name: topic["partitions"] for name, topic in found["topics"].items()}
            new = note.with_suffix(".new")
            new.write_text(json.dumps(topics))
            new.replace(note)

    options: dict[str, Any] = {"statistics.interval.ms": EVERY_MS, "stats_cb": write_down}
    surroundings = Surroundings(
        settings=settings,
        connection=reached | options,
        topic_file=file,
        topics=Topics(Cluster(reached), file),
        codec=RecordCodec(load_schemas(SCHEMAS_DIR)),
        slot=Slot(settings.data_dir / "run", stage, wanted=slot),
        stops=StopRequests(),
    )
    uvloop.run(run_stage(definition_of(stage), surroundings))


if __name__ == "__main__":
    main()
