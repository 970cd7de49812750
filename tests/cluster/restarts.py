"""Everything is restarted, one after the other, and what that cost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pipeline.clock import now_ms
from pipeline.domain.least_rights import Part
from tests.cluster.load import Load
from tests.cluster.soaked import SLOTS, Soaked, let_pass
from tests.faults.kafka_nodes import REPLICAS, KafkaNode, fewest_in_sync
from tests.running_pipeline import eventually
from tests.security.secured_pipeline import PROCESSES

STOP_SECONDS: Final = 15.0
"""Of a stage: what it may use for what is under way (8 s), and for its end."""
IN_SYNC_SECONDS: Final = 120.0
PAUSE_SECONDS: Final = 3.0
"""Between two restarts."""
AWAY_SECONDS: Final = 3.0
"""PostgreSQL is not there for so long."""


class Restart(NamedTuple):
    """One process away and back; times in seconds since the epoch."""

    kind: str
    what: str
    began_at: float
    stopped_seconds: float
    """Until it had ended."""
    ended_at: float
    """When it was ready, and the newest event of that moment had arrived."""

    def covers(self, at: float) -> bool:
        return self.began_at <= at <= self.ended_at


@dataclass
class Restarts:
    soaked: Soaked
    loads: list[Load]
    done: list[Restart] = field(default_factory=list[Restart])
    memory_before: list[tuple[str, float]] = field(default_factory=list[tuple[str, float]])
    """By process, what it had resident when it was told to end; MiB."""

    def round(self) -> None:
        """Each stage's processes, each broker, PostgreSQL."""
        for part, slot in ((part, slot) for part in PROCESSES for slot in SLOTS):
            self._restart("stage", f"{part}-{slot}", self._stage(part, slot))
        for node in self.soaked.secured.broker.nodes:
            self._restart("broker", f"broker-{node.number}", self._broker(node))
        self._restart("store", "postgresql", self._postgres())

    def covering(self, at: float) -> Restart | None:
        return next((each for each in self.done if each.covers(at)), None)

    def _restart(self, kind: str, what: str, steps: Iterator[None]) -> None:
        """`steps` ends it, and when asked again starts it and waits until it is ready."""
        self.memory_before.append((what, self.soaked.memory_mib()[what]))
        began_at, began = now_ms() / 1000, time.monotonic()
        next(steps)
        stopped = time.monotonic() - began
        next(steps, None)
        self.soaked.wait_for_flow(self.loads)
        self.done.append(Restart(kind, what, began_at, stopped, now_ms() / 1000))
        let_pass(PAUSE_SECONDS)

    def _stage(self, part: Part, slot: int) -> Iterator[None]:
        self.soaked.secured.pipeline.stop(part, slot=slot, seconds=STOP_SECONDS)
        yield
        self.soaked.start(part, slot)
        self.soaked.wait_ready(part, slot)

    def _broker(self, node: KafkaNode) -> Iterator[None]:
        admin = self.soaked.secured.broker.admin
        node.stop()
        yield
        node.start()
        node.wait_until_ready()
        eventually(lambda: fewest_in_sync(admin) == REPLICAS, seconds=IN_SYNC_SECONDS)

    def _postgres(self) -> Iterator[None]:
        self.soaked.postgres.stop()
        yield
        let_pass(AWAY_SECONDS)
        self.soaked.postgres.start()


def rounds(restarts: Restarts, *, seconds: float, pause_seconds: float) -> int:
    """So many as begin within `seconds`, one at least; then the rest of the time passes."""
    until, count = time.monotonic() + seconds, 0
    while True:
        began = time.monotonic()
        restarts.round()
        count += 1
        let_pass(pause_seconds)
        now = time.monotonic()
        if now + (now - began) > until:
            let_pass(max(0.0, until - now))
            return count
