"""`pipeline run`: one stage, in this process or in several that are kept running."""

from __future__ import annotations

import logging
import os
import sys
import threading
from enum import StrEnum
from typing import Annotated, Final

import typer

from pipeline.adapters.kafka.cluster import ClusterFailed
from pipeline.adapters.kafka.inquiry import Inquiry, KafkaUnreachable
from pipeline.adapters.kafka.schema_files import UnusableSchemas
from pipeline.adapters.profile_files import ProfileFileError
from pipeline.adapters.sealing import UnusableKey
from pipeline.adapters.serving.listener import PortRefused
from pipeline.cli.apart_options import routing_apart
from pipeline.cli.endings import BadInput, CommandFailed
from pipeline.cli.loaded_settings import load_settings
from pipeline.cli.log_lines import log_to_stderr, silent_logger
from pipeline.cli.stage_children import keep_stage_running
from pipeline.cli.terminal import examples
from pipeline.ports import SinkFailed, SourceFailed, StoreFailed
from pipeline.publishing import TurnLost
from pipeline.settings import Settings
from pipeline.slots import MOST_SLOTS, Slot, SlotTaken
from pipeline.supervisor.operator_key import UnusableOperatorKey
from pipeline.supervisor.parent import follow_parent
from pipeline.wiring.connection import NoKafka, connection
from pipeline.wiring.routing_apart import SLOT
from pipeline.wiring.stage_process import TopicsUnfit
from pipeline.wiring.stage_rights import RightsMissing
from pipeline.wiring.stages import load_routing_apart, load_stage, run_stage_process
from pipeline.wiring.stop_requests import StopRequests

log = logging.getLogger(__name__)

_FIRST_ANSWER_SECONDS: Final = 2.0
_LONGEST_ANSWER_SECONDS: Final = 10.0
_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 10.0
_ANEW_PAUSE_SECONDS: Final = 1.0

_START_ANEW: Final = (
    *(SourceFailed, SinkFailed, StoreFailed, TurnLost),
    *(ClusterFailed, KafkaUnreachable),
)
"""What another start may mend: the brokers or the store, not we, have changed."""
_ENDS: Final = (
    *(RightsMissing, TopicsUnfit, UnusableKey, UnusableOperatorKey),
    *(ProfileFileError, UnusableSchemas, PortRefused),
)
"""What somebody has to mend."""


class Stage(StrEnum):
    """What can be run."""

    ROUTER = "router"
    SENDER = "sender"
    SCHEDULER = "scheduler"
    RECORDER = "recorder"
    API = "api"


def run(
    stage: Annotated[Stage, typer.Argument(help="Which stage.", show_default=False)],
    processes: Annotated[
        int,
        typer.Option(min=1, max=MOST_SLOTS, help="How many processes to keep running."),
    ] = 1,
    slot: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=MOST_SLOTS - 1,
            help="The process's number on this machine; the first free one if not given.",
        ),
    ] = None,
    *,
    group: Annotated[
        str | None, typer.Option(help="Route past events with a consumer group of your own.")
    ] = None,
    from_: Annotated[
        str | None, typer.Option("--from", help="With --group: where it begins, in RFC 3339.")
    ] = None,
    only_endpoint: Annotated[
        str | None, typer.Option(help="With --group: the one endpoint that gets them.")
    ] = None,
    follow_parent_: Annotated[
        bool,
        typer.Option("--follow-parent", help="End when standard input ends.", hidden=True),
    ] = False,
) -> None:
    """Run one stage against the configured Kafka, until SIGTERM or Ctrl-C.

    It waits for Kafka as long as that takes. Several processes share the stage's partitions between
    them; one that dies is back within a second.
    """
    settings = load_settings()
    log_to_stderr(settings.telemetry.log_level)
    apart = routing_apart(stage.value, settings, group=group, since=from_, endpoint=only_endpoint)
    if processes > 1 and apart is not None:
        raise BadInput("--group: start it as often as you like; --processes is for the live stages")
    if processes > 1:
        keep_stage_running(stage.value, processes, settings)
        return
    programme = load_stage(stage.value) if apart is None else load_routing_apart(apart)
    name = stage.value if apart is None else SLOT
    if follow_parent_:
        follow_parent()
    stops = StopRequests()
    wait_for_kafka(settings)
    _check_slot(settings, name, slot)
    try:
        run_stage_process(name, settings, programme=programme, slot=slot, stops=stops)
    except _ENDS as exc:
        raise CommandFailed(f"{stage.value}: {exc}") from exc
    except _START_ANEW as exc:
        log.error("%s ends: %s", stage.value, exc)  # noqa: TRY400 - foreseeable, and the text says all
        if follow_parent_:
            raise typer.Exit(1) from exc
        _start_anew(stops)


def wait_for_kafka(settings: Settings) -> None:
    """Return once the brokers answer; until then one line for each reason why they do not."""
    pause_seconds, answer_seconds = _FIRST_PAUSE_SECONDS, _FIRST_ANSWER_SECONDS
    said = ""
    while (reason := _why_not_reached(settings, answer_seconds)) is not None:
        if reason != said:
            log.warning("%s; trying again until it does", reason)
            said = reason
        threading.Event().wait(pause_seconds)
        pause_seconds = min(2 * pause_seconds, _LONGEST_PAUSE_SECONDS)
        answer_seconds = min(2 * answer_seconds, _LONGEST_ANSWER_SECONDS)
    if said:
        log.info("Kafka answers")


def _why_not_reached(settings: Settings, wait_seconds: float) -> str | None:
    try:
        reached = connection(settings, client="probe")
        Inquiry(reached, wait_seconds=wait_seconds, logger=silent_logger()).seen()
    except (NoKafka, KafkaUnreachable) as exc:
        return str(exc)
    return None


def _check_slot(settings: Settings, name: str, slot: int | None) -> None:
    try:
        Slot(settings.data_dir / "run", name, wanted=slot).close()
    except SlotTaken as exc:
        raise CommandFailed(str(exc)) from exc


def _start_anew(stops: StopRequests) -> None:
    """The same command in this process's place: nothing of the failed run is left."""
    threading.Event().wait(_ANEW_PAUSE_SECONDS)
    stops.hold_back()
    os.execv(sys.executable, (sys.executable, "-m", "pipeline", *sys.argv[1:]))  # noqa: S606 - no shell is wanted


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        short_help="Run one stage until it is told to stop.",
        epilog=examples(
            "pipeline run router",
            "pipeline run sender --processes 4",
            "pipeline run api",
            "pipeline run router --group X --from 2026-03-01T00:00Z --only-endpoint ep_01J8Z7",
        ),
    )(run)
