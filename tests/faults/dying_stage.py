"""`python -m tests.faults.dying_stage STAGE --slot N`: a stage whose codec dies of some records.

As if native code crashed on these bytes: nothing is caught, nothing is told.
"""

from __future__ import annotations

import os
import signal
import sys

import uvloop

from pipeline.adapters.kafka.cluster import Cluster
from pipeline.adapters.kafka.codec import RecordCodec
from pipeline.adapters.kafka.schema_files import load_schemas
from pipeline.adapters.kafka.topics import Topics
from pipeline.domain.delivery import Attempt, Delivery
from pipeline.domain.event import Event
from pipeline.flow import Record
from pipeline.resources import SCHEMAS_DIR
from pipeline.settings import Settings
from pipeline.slots import Slot
from pipeline.wiring.configuration import topic_file
from pipeline.wiring.connection import connection
from pipeline.wiring.stage_process import Surroundings, run_stage
from pipeline.wiring.stages import definition_of
from pipeline.wiring.stop_requests import StopRequests

DEADLY = "deadly"
"""In an event's id."""


class DyingCodec(RecordCodec):
    """Ends the process at an event with this id, or at what came of it."""

    def decode_event(self, record: Record) -> Event:
        event = super().decode_event(record)
        _die_of(event.id)
        return event

    def decode_delivery(self, value: bytes) -> Delivery:
        delivery = super().decode_delivery(value)
        _die_of(delivery.event_id)
        return delivery

    def decode_attempts(self, value: bytes) -> list[Attempt]:
        attempts = super().decode_attempts(value)
        for attempt in attempts:
            _die_of(attempt.event_id)
        return attempts


def _die_of(event_id: str) -> None:
    if event_id.startswith(DEADLY):
        os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    stage, slot = sys.argv[1], int(sys.argv[3])
    settings = Settings()
    file = topic_file(settings)
    held = Slot(settings.data_dir / "run", stage, wanted=slot)
    reached = connection(settings, client=f"{stage}-{slot}")
    surroundings = Surroundings(
        settings=settings,
        connection=reached,
        topic_file=file,
        topics=Topics(Cluster(reached), file),
        codec=DyingCodec(load_schemas(SCHEMAS_DIR)),
        slot=held,
        stops=StopRequests(),
    )
    uvloop.run(run_stage(definition_of(stage), surroundings))


if __name__ == "__main__":
    main()
