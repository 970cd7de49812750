"""Several processes of one stage, kept running until this one is told to stop."""

from __future__ import annotations

import logging
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pipeline.adapters.serving.listener import PortRefused, open_listener
from pipeline.cli.endings import CommandFailed
from pipeline.settings import Settings
from pipeline.slots import MOST_SLOTS, Slot, SlotTaken
from pipeline.supervisor.child import NOT_STARTED, Child, Command, status_text
from pipeline.supervisor.ending import Ending
from pipeline.supervisor.parent import LISTENER
from pipeline.wiring.stages import API

log = logging.getLogger(__name__)

STOP_SECONDS: Final = 10.0
_ROUND_SECONDS: Final = 0.5
"""A child that ends wakes it at once."""
_OWN_STDERR: Final = Path("/dev/stderr")


def keep_stage_running(stage: str, count: int, settings: Settings) -> None:
    """Return when a signal has asked for it and all have ended. Raises CommandFailed."""
    slots = _free_slots(settings.data_dir / "run", stage, count)
    listener = _listener(settings) if stage == API else None
    children = [Child(_command(stage, slot, settings, listener=listener)) for slot in slots]
    with Ending() as ending:
        try:
            while not ending.is_asked:
                _keep_running(children)
                ending.wait(_ROUND_SECONDS)
        finally:
            if listener is not None:
                listener.close()
            _end(children)


def _listener(settings: Settings) -> socket.socket:
    """One for all processes, of which any takes a connection."""
    try:
        return open_listener(settings.api.host, settings.api.port)
    except PortRefused as exc:
        raise CommandFailed(str(exc)) from exc


def _command(
    stage: str, slot: int, settings: Settings, *, listener: socket.socket | None
) -> Command:
    argv = (sys.executable, "-m", "pipeline", "run", stage, "--slot", str(slot), "--follow-parent")
    port = settings.stage.health_port
    environment = {"PYTHONUNBUFFERED": "1"}
    if port:
        environment["PIPELINE_STAGE__HEALTH_PORT"] = str(port + slot)
    inherited = () if listener is None else (listener.fileno(),)
    if listener is not None:
        environment[LISTENER] = str(listener.fileno())
    name = f"{stage}-{slot}"
    output = _output(settings.data_dir / "logs", name)
    return Command(name, argv, environment, output, inherited=inherited)


def _output(logs: Path, name: str) -> Path:
    """This process's standard error if it can be opened by name (no socket can), else a file."""
    try:
        with _OWN_STDERR.open("ab"):
            return _OWN_STDERR
    except OSError:
        logs.mkdir(parents=True, exist_ok=True)
        log.info("%s writes to %s", name, logs / f"{name}.log")
        return logs / f"{name}.log"


def _free_slots(directory: Path, stage: str, count: int) -> list[int]:
    free: list[int] = []
    for number in range(MOST_SLOTS):
        try:
            Slot(directory, stage, wanted=number).close()
        except SlotTaken:
            continue  # another process of this machine has it
        free.append(number)
        if len(free) == count:
            return free
    raise CommandFailed(
        f"only {len(free)} of {MOST_SLOTS} processes of {stage} are free on this machine"
    )


def _keep_running(children: Sequence[Child]) -> None:
    for child in children:
        status = child.keep_running()
        if status == NOT_STARTED:
            log.error("%s could not be started; trying again", child.command.name)
        elif status is not None:
            ended = status_text(status)
            log.warning("%s ended with %s; starting it again", child.command.name, ended)


def _end(children: Sequence[Child]) -> None:
    deadline = time.monotonic() + STOP_SECONDS
    for child in children:
        child.terminate()
    for child in children:
        if not child.wait_ended(deadline):
            log.warning("%s did not end in time and was killed", child.command.name)
