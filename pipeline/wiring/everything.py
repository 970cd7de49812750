"""`up`: the embedded broker, the topics, the keys and every stage on one machine, put together."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from pipeline.adapters.embedded_kafka.broker import EmbeddedKafka
from pipeline.adapters.embedded_kafka.errors import EmbeddedKafkaError
from pipeline.adapters.kafka.cluster import ClusterFailed
from pipeline.adapters.kafka.inquiry import KafkaRefused, KafkaUnreachable
from pipeline.adapters.kafka.topic_differences import Kind
from pipeline.adapters.kafka.topic_file import TopicFileError
from pipeline.adapters.sealing import UnusableKey
from pipeline.adapters.serving.listener import PortRefused
from pipeline.settings import Settings
from pipeline.supervisor.broker_keeper import BrokerKeeper
from pipeline.supervisor.child import Command
from pipeline.supervisor.ending import Ending
from pipeline.supervisor.folder import FolderRefused, held_folder
from pipeline.supervisor.front import Front
from pipeline.supervisor.notices import Say
from pipeline.supervisor.operator_key import UnusableOperatorKey, ensure_operator_key
from pipeline.supervisor.parent import LISTENER, STATUS_PORT
from pipeline.supervisor.supervisor import STOP_BROKER_SECONDS, Plan, Supervisor
from pipeline.wiring.configuration import sealer
from pipeline.wiring.reach import STAGES, Reach, reach

BOOTSTRAP_SERVERS: Final = "PIPELINE_KAFKA__BOOTSTRAP_SERVERS"
"""Stages that are started before the broker is find it through the data folder."""
API: Final = "api"
LONGEST_DRAIN_SECONDS: Final = 6.0
"""Whatever the settings say: `up` has 15 s to end, all in all."""

_FORESEEN: Final = (
    ClusterFailed,
    EmbeddedKafkaError,
    FolderRefused,
    KafkaRefused,
    KafkaUnreachable,
    OSError,
    PortRefused,
    TopicFileError,
    UnusableKey,
    UnusableOperatorKey,
)


class CannotRun(Exception):
    """It cannot be started, or a part of it not any more; the text says why and what helps."""


@dataclass(frozen=True, slots=True)
class Programme:
    """What `up` and the demo do each in its own way."""

    say: Say
    environment: Mapping[str, str]
    """Given to the stages, beside this process's own."""
    folder: Path | None
    """Where the stages run; None: where this process does."""
    before_stages: Callable[[Settings], None]
    """Called once Kafka answers and has its topics; the settings say where."""
    when_ready: Callable[[], None]
    """Called once every stage consumes; must not block."""


def run_everything(settings: Settings, programme: Programme, ending: Ending) -> None:
    """Run until `ending` is asked for; nothing is left running then.

    Raises:
        CannotRun: see there.
    """
    try:
        _run(
            settings.model_copy(update={"data_dir": settings.data_dir.absolute()}),
            programme,
            ending,
        )
    except _FORESEEN as exc:
        raise CannotRun(str(exc)) from exc


def _run(settings: Settings, programme: Programme, ending: Ending) -> None:
    begun = time.monotonic()
    say, folder = programme.say, settings.data_dir
    with ExitStack() as closing:
        closing.enter_context(held_folder(folder))
        front = closing.enter_context(Front(settings.api.host, settings.api.port))
        say(f"data      {folder} (logs in {folder / 'logs'})")
        _ensure_keys(settings, say)
        keeper = None
        if settings.kafka.bootstrap_servers is None:
            keeper = BrokerKeeper(_broker(settings, say), say=say)
            closing.callback(_stop_broker, keeper, say)
        supervisor = Supervisor(_plan(settings, programme, front), keeper, say=say)
        closing.callback(supervisor.end, ending)
        front.judge_by(supervisor.health)
        # They take as long to load as the broker does, and do so beside it.
        supervisor.start_held()
        bootstrap_servers = settings.kafka.bootstrap_servers
        if keeper is not None:
            bootstrap_servers = keeper.start(ending)
        if bootstrap_servers is None:
            return
        say(f"kafka     {bootstrap_servers}{' (embedded)' if keeper else ''}")
        _apply_topics(reach(_at(settings, bootstrap_servers)), say)
        programme.before_stages(_at(settings, bootstrap_servers))
        supervisor.let_go({BOOTSTRAP_SERVERS: bootstrap_servers})

        def when_ready() -> None:
            say(f"console   {front.url}/")
            say(f"api       {front.url}/v1")
            say(f"ready in {time.monotonic() - begun:.1f} s; Ctrl-C ends it")
            programme.when_ready()

        supervisor.run(ending, when_ready)


def _ensure_keys(settings: Settings, say: Say) -> None:
    sealer(settings)
    if settings.api.operator_key is not None:
        return
    operator = ensure_operator_key(settings.data_dir)
    if operator.is_new:
        say(f"operator  {operator.key} (shown this once; it lies in {operator.path})")
    else:
        say(f"operator  the key lies in {operator.path}")


def _broker(settings: Settings, say: Say) -> EmbeddedKafka:
    return EmbeddedKafka(
        settings.data_dir,
        port=settings.kafka.embedded_port,
        progress=lambda text: say(f"kafka     {text}"),
    )


def _stop_broker(keeper: BrokerKeeper, say: Say) -> None:
    if not keeper.stop(deadline=time.monotonic() + STOP_BROKER_SECONDS):
        say("the broker did not end in time and was killed; it keeps what it acknowledged")


def _at(settings: Settings, bootstrap_servers: str) -> Settings:
    kafka = settings.kafka.model_copy(update={"bootstrap_servers": bootstrap_servers})
    return settings.model_copy(update={"kafka": kafka})


def _apply_topics(at: Reach, say: Say) -> None:
    applied = at.topics().apply()
    if applied.created:
        say(f"topics    {len(applied.created)} made")
    for difference in applied.left:
        if difference.kind is Kind.BREAKS:
            say(f"topics    {difference.text}")


def _plan(settings: Settings, programme: Programme, front: Front) -> Plan:
    logs = settings.data_dir / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    environment = {**programme.environment, **stage_environment(settings)}
    commands = [_command(stage, environment, logs, folder=programme.folder) for stage in STAGES]
    api = replace(
        _command(API, environment, logs, folder=programme.folder),
        environment={
            **environment,
            LISTENER: str(front.descriptor),
            STATUS_PORT: str(front.status_port),
        },
        inherited=(front.descriptor,),
    )
    return Plan([*commands, api], notes=settings.data_dir / "run", front=front, served_by=api.name)


def _command(
    stage: str, environment: Mapping[str, str], logs: Path, *, folder: Path | None
) -> Command:
    return Command(
        name=f"{stage}-0",
        argv=(
            *(sys.executable, "-m", "pipeline", "run", stage),
            *("--slot", "0", "--follow-parent"),
        ),
        environment=environment,
        log=logs / f"{stage}-0.log",
        folder=folder,
    )


def stage_environment(settings: Settings) -> dict[str, str]:
    """What tells a stage where it belongs."""
    drain_seconds = min(settings.stage.drain_seconds, LONGEST_DRAIN_SECONDS)
    return {
        "PIPELINE_DATA_DIR": str(settings.data_dir),
        # Each on a port of its own, where the supervisor asks it.
        "PIPELINE_STAGE__HEALTH_HOST": "127.0.0.1",
        "PIPELINE_STAGE__HEALTH_PORT": "0",
        "PIPELINE_STAGE__DRAIN_SECONDS": str(drain_seconds),
        "PYTHONUNBUFFERED": "1",
    }
