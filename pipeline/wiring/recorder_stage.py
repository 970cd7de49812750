"""The recorder, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.stages.recorder import Recorder, RecorderPorts
from pipeline.wiring.stage_process import BuiltStage

if TYPE_CHECKING:
    from pipeline.ports import AttemptStore
    from pipeline.wiring.stage_process import Parts


def build_recorder(parts: Parts, store: AttemptStore) -> BuiltStage:
    """An intake over attempts and dead letters."""
    topology = parts.surroundings.topology
    recorder = Recorder(
        parts.loop,
        RecorderPorts(
            store=store,
            records=parts.surroundings.codec,
            outlet=parts.outlet,
            dead=parts.dead,
            tally=parts.tally,
            attempts_topic=topology.attempts,
        ),
    )
    return BuiltStage(recorder, lambda: (topology.attempts, topology.dead_letter), (recorder.work,))
