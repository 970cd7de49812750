"""One random fault after another, on stages and broker under load, and what repeats it caused."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from pipeline.clock import now_ms
from tests.faults.conftest import OwnBroker
from tests.faults.whereabouts import Expected
from tests.receiver import Receiver
from tests.running_pipeline import STAGES, RunningPipeline, eventually

READY_SECONDS = 60.0


class Struck(NamedTuple):
    """A fault, and when it began (seconds since the epoch)."""

    kind: str
    what: str
    at: float


@dataclass(frozen=True)
class Faults:
    """What can be done to a pipeline. Each returns when all runs again, and says what it hit."""

    broker: OwnBroker
    dice: random.Random
    longest_freeze_seconds: float

    @property
    def pipeline(self) -> RunningPipeline:
        return self.broker.pipeline

    def kinds(self) -> dict[str, Callable[[], str]]:
        return {
            "kill -9 of a stage": self.kill_one,
            "kill -9 of all stages": self.kill_all,
            "freeze": self.freeze,
            "broker stopped": self.stop_broker,
            "broker killed": self.kill_broker,
            "joins and leaves": self.join_and_leave,
        }

    def kill_one(self) -> str:
        stage = self.dice.choice(STAGES)
        self.pipeline.kill(stage)
        self.pipeline.start(stage)
        return stage

    def kill_all(self) -> str:
        self.pipeline.kill(*STAGES)
        self.pipeline.start(*STAGES)
        return "all"

    def freeze(self) -> str:
        stage = self.dice.choice(STAGES)
        seconds = self.dice.uniform(1.0, self.longest_freeze_seconds)
        self.pipeline.signal(stage, signal.SIGSTOP)
        try:
            _let_pass(seconds)
        finally:
            self.pipeline.signal(stage, signal.SIGCONT)
        return f"{stage} for {seconds:.1f} s"

    def stop_broker(self) -> str:
        self.broker.kafka.stop()
        self.broker.kafka.start()
        return ""

    def kill_broker(self) -> str:
        kafka = self.broker.kafka
        assert kafka.pid is not None
        os.kill(kafka.pid, signal.SIGKILL)
        eventually(lambda: kafka.poll() is not None)
        kafka.start()
        return ""

    def join_and_leave(self) -> str:
        """The one that joined leaves, or the one that was there and then comes back."""
        stage, leaver = self.dice.choice(STAGES), self.dice.choice((0, 1))
        self.pipeline.run(stage, slot=1)
        self.pipeline.stop(stage, slot=leaver)
        if leaver == 0:
            self.pipeline.run(stage)
            self.pipeline.stop(stage, slot=1)
        return f"{stage} {leaver}"


def strike(faults: Faults, kind: str) -> Struck:
    """Returns when every stage consumes again."""
    at = now_ms() / 1000
    what = faults.kinds()[kind]()
    for stage in STAGES:
        faults.pipeline.wait_ready(stage)
    return Struck(kind, what, at)


def choose(dice: random.Random, kinds: list[str], rounds: int) -> list[str]:
    """Each kind as often as any other, one more or less, in random order."""
    chosen: list[str] = []
    while len(chosen) < rounds:
        chosen += dice.sample(kinds, len(kinds))
    return chosen[:rounds]


def repeats_by_fault(receiver: Receiver, struck: list[Struck]) -> Counter[str]:
    """How many requests repeated an accepted delivery, by the last fault before them."""
    repeats: Counter[str] = Counter()
    seen: set[tuple[str, str]] = set()
    for request in sorted(receiver.accepted, key=lambda each: each.at):
        key = (request.path, request.webhook_id)
        if key in seen:
            kind = next((each.kind for each in reversed(struck) if each.at <= request.at), "none")
            repeats[kind] += 1
        seen.add(key)
    return repeats


def table(struck: list[Struck], repeats: Counter[str]) -> str:
    """As people read it: kind, rounds, repeats."""
    rounds = Counter(each.kind for each in struck)
    lines = [f"{kind:24}{rounds[kind]:8}{repeats[kind]:9}" for kind in sorted(rounds | repeats)]
    return "\n".join([f"{'fault':24}{'rounds':>8}{'repeats':>9}", *lines])


def out_of_order(receiver: Receiver, endpoint: str, number: Callable[[bytes], int]) -> list[int]:
    """Numbers that were tried although a smaller one had never been accepted before.

    Repeats of what was accepted are none of them.
    """
    accepted = {id(request) for request in receiver.accepted}
    early: list[int] = []
    done: set[int] = set()
    next_one = 0
    for request in receiver.to(f"/{endpoint}"):
        found = number(request.body)
        if found > next_one:
            early.append(found)
        if id(request) in accepted:
            done.add(found)
        while next_one in done:
            next_one += 1
    return early


def expected(endpoints: list[str], first: int, end: int) -> set[Expected]:
    return {(endpoint, number) for endpoint in endpoints for number in range(first, end)}


def _let_pass(seconds: float) -> None:
    """What is tested is the time without the stage, so it has to pass."""
    threading.Event().wait(seconds)
