"""The stages by name, and one process of any of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import uvloop

from pipeline.adapters.kafka.cluster import Cluster
from pipeline.adapters.kafka.topics import Topics
from pipeline.domain.least_rights import Part
from pipeline.slots import Slot
from pipeline.wiring.configuration import record_codec, topic_file
from pipeline.wiring.connection import connection
from pipeline.wiring.stage_process import StageDefinition, Surroundings, run_stage
from pipeline.wiring.stage_rights import check_rights

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

    from pipeline.settings import Settings
    from pipeline.wiring.routing_apart import RoutingApart
    from pipeline.wiring.stop_requests import StopRequests

STAGES: Final[Mapping[str, tuple[str, str]]] = {
    "router": ("pipeline.wiring.router_stage", "RouterStage"),
    "sender": ("pipeline.wiring.sender_stage", "SenderStage"),
    "scheduler": ("pipeline.wiring.scheduler_stage", "SchedulerStage"),
    "recorder": ("pipeline.wiring.recorder_stage", "RecorderStage"),
}
"""Where each is defined: a process loads its own alone, and is back sooner when it was killed."""
API: Final = "api"
_API_MODULE: Final = "pipeline.wiring.api_stage"

StageProgramme = Callable[[Surroundings], "Coroutine[Any, Any, None]"]
"""One process of a stage, loaded and ready to be run."""


def load_stage(stage: str) -> StageProgramme:
    """Takes a good part of a second, and needs nothing that is not there yet."""
    if stage == API:
        return import_module(_API_MODULE).serve_api
    return partial(run_stage, definition_of(stage))


def run_stage_process(
    stage: str,
    settings: Settings,
    *,
    programme: StageProgramme,
    slot: int | None,
    stops: StopRequests,
) -> None:
    """Run one process of a stage until SIGTERM or SIGINT.

    Raises TopicFileError, ClusterFailed, RightsMissing, TopicsUnfit, NoKafka, SlotTaken, and
    whatever ended it.
    """
    file = topic_file(settings)
    held = Slot(settings.data_dir / "run", stage, wanted=slot)
    try:
        reached = connection(settings, client=f"{stage}-{held.number}")
        if stage in {*STAGES, API}:  # a group of one's own has rights of its own
            check_rights(Part(stage), reached, file)
        surroundings = Surroundings(
            settings=settings,
            connection=reached,
            topic_file=file,
            topics=Topics(Cluster(reached), file),
            codec=record_codec(settings, file),
            slot=held,
            stops=stops,
        )
        uvloop.run(programme(surroundings))
    finally:
        held.close()


def load_routing_apart(apart: RoutingApart) -> StageProgramme:
    """A router with a group of its own, beside the live ones."""
    definition = import_module(STAGES["router"][0]).RouterStage(apart)

    def programme(surroundings: Surroundings) -> Coroutine[Any, Any, None]:
        return run_stage(definition, replace(surroundings, own_group=apart.group))

    return programme


def definition_of(stage: str) -> StageDefinition:
    module, name = STAGES[stage]
    return getattr(import_module(module), name)()
