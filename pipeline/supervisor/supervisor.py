"""Every stage as a process and the embedded broker, kept running until told to end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from pipeline.supervisor.broker_keeper import BrokerKeeper
from pipeline.supervisor.child import NOT_STARTED, Child, Command, status_text
from pipeline.supervisor.ending import Ending
from pipeline.supervisor.front import Front
from pipeline.supervisor.log_file import last_line
from pipeline.supervisor.notices import Notices, Say
from pipeline.supervisor.watch import StageWatch
from pipeline.telemetry.health_server import Health

ROUND_SECONDS: Final = 0.25
"""A child that ends wakes it at once; this is for all else."""
FIRST_ROUND_SECONDS: Final = 0.05
STOP_STAGES_SECONDS: Final = 8.5
STOP_BROKER_SECONDS: Final = 4.0
"""What is left of 15 s. It keeps what it acknowledged, even when it is killed."""

_END_ROUND_SECONDS: Final = 0.05

WhenReady = Callable[[], None]
"""Called once, when all is ready for the first time; must not block."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run."""

    commands: Sequence[Command]
    """One for each process; named `<stage>-<number>`."""
    notes: Path
    """Where the stages leave word of the ports that they answer on."""
    front: Front | None = None
    """What answers while the child is not there that is called `served_by`."""
    served_by: str = ""


class SupervisorFailed(Exception):
    """One of its threads has died: nobody would start again what ends."""


class Supervisor:
    """A child that ends, the broker included, is back within a second, without limit."""

    def __init__(self, plan: Plan, broker: BrokerKeeper | None, *, say: Say) -> None:
        self._broker = broker
        self._say = say
        self._notices = Notices(say)
        self._children: Mapping[str, Child] = {
            command.name: Child(command) for command in plan.commands
        }
        self._watch = StageWatch(self._children, plan.notes)
        self._front = plan.front
        self._served_by = plan.served_by

    @property
    def is_ready(self) -> bool:
        """Whether every stage consumes, the broker is up and the API answers. Any thread."""
        is_front_aside = self._front is None or self._front.is_aside
        return (
            is_front_aside and self._is_broker_up and all(map(self._watch.is_ready, self._children))
        )

    @property
    def _is_broker_up(self) -> bool:
        return self._broker is None or self._broker.is_up

    def health(self) -> Health:
        """For `/healthz` and `/readyz`. Any thread."""
        stages = {
            name: {
                "ready": self._watch.is_ready(name),
                "restarts": max(child.restarts, 0),
                "pid": child.pid,
            }
            for name, child in self._children.items()
        }
        detail: dict[str, object] = {"stages": stages}
        if (broker := self._broker) is not None:
            detail["broker"] = {
                "ready": broker.is_up,
                "restarts": broker.restarts,
                "pid": broker.pid,
            }
        return Health(is_alive=True, is_ready=self.is_ready, detail=detail)

    def start_held(self) -> None:
        """Start the stages before there is anything to do: they prepare, and wait for `let_go`."""
        for child in self._children.values():
            with suppress(OSError):  # `run` tries again, and says so
                child.start_held()

    def let_go(self, environment: Mapping[str, str]) -> None:
        """Let the stages begin; `environment` is for those that are started again."""
        for child in self._children.values():
            child.command = replace(
                child.command, environment={**child.command.environment, **environment}
            )
            child.let_go()

    def run(self, ending: Ending, when_ready: WhenReady) -> None:
        """Keep everything running until `ending` is asked for.

        Raises:
            SupervisorFailed: see there.
        """
        was_ready = False
        self._watch.start()
        while not ending.is_asked:
            self._keep_running()
            self._hand_over()
            if not was_ready and self.is_ready:
                was_ready = True
                when_ready()
            ending.wait(ROUND_SECONDS if was_ready else FIRST_ROUND_SECONDS)

    def _keep_running(self) -> None:
        if self._watch.has_failed or (self._broker is not None and self._broker.has_failed):
            raise SupervisorFailed("a thread of `up` has died; its last words are above")
        for name, child in self._children.items():
            if self._watch.is_stuck(name):
                self._notices.tell(name, "does not work any more; it is killed and started again")
                child.kill()
            if (status := child.keep_running()) is not None:
                self._notices.tell(name, _ended(status, child.command.log))

    def _hand_over(self) -> None:
        """A busy API is still there; one that has just begun is not yet."""
        if self._front is None:
            return
        if self._watch.was_ready(self._served_by):
            self._front.step_aside()
        else:
            self._front.step_in()

    def end(self, ending: Ending) -> None:
        """End the stages, in time or by force."""
        self._watch.close()
        if self._front is not None:
            self._front.close()
        deadline = time.monotonic() + STOP_STAGES_SECONDS
        for child in self._children.values():
            child.terminate()
        left = dict(self._children)
        while left and time.monotonic() < deadline and not ending.is_urgent:
            left = {name: child for name, child in left.items() if not child.has_ended()}
            if left:
                ending.pause(_END_ROUND_SECONDS)
        for name, child in left.items():
            child.wait_ended(deadline=0)
            self._say(
                f"{name} did not end in time and was killed; what it had under way is repeated"
            )


def _ended(status: int, log: Path) -> str:
    if status == NOT_STARTED:
        return f"could not be started and is tried again (log: {log})"
    # Whoever was killed had no last words.
    said = last_line(log) if status > 0 else ""
    return (
        f"ended with {status_text(status)}{said and f' ({said})'}; it is started again, see {log}"
    )
