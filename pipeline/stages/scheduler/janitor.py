"""Janitor: deletes what is finished from the logs that keep everything until then."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.domain.deletion import delete_before
from pipeline.flow import Partition
from pipeline.ports import LogsUnavailable
from pipeline.telemetry.instruments import RECORDS_DELETED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pipeline.ports import DeletableLogs
    from pipeline.telemetry.tally import Tally

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """Logs of one kind: whose group finishes them, and how long after that they are kept."""

    group: str
    topics: Callable[[], Mapping[str, int]]
    """Topics and how many partitions each has."""
    kept_ms: int


@dataclass(frozen=True, slots=True)
class JanitorPorts:
    """What the janitor works with."""

    logs: DeletableLogs
    is_mine: Callable[[], bool]
    """Whether this process is the one whose turn it is: one janitor is enough."""
    kinds: Sequence[Kept]
    tally: Tally
    now_ms: Callable[[], int]
    round_seconds: float


class Janitor:
    """Goes round for ever; a round that fails is made up for by the next."""

    def __init__(self, ports: JanitorPorts) -> None:
        self._ports = ports

    async def work(self) -> None:
        """One round after another."""
        while True:
            await asyncio.sleep(self._ports.round_seconds)
            if self._ports.is_mine():
                await self.clean()

    async def clean(self) -> None:
        """Go round once."""
        for kind in self._ports.kinds:
            await self._clean(kind)

    async def _clean(self, kind: Kept) -> None:
        partitions = [
            Partition(topic, number)
            for topic, count in kind.topics().items()
            for number in range(count)
        ]
        try:
            await asyncio.to_thread(self._delete, kind, partitions)
        except LogsUnavailable as error:
            log.warning("nothing was deleted this time: %s", error)

    def _delete(self, kind: Kept, partitions: Sequence[Partition]) -> None:
        young_since_ms = self._ports.now_ms() - kind.kept_ms if kind.kept_ms else None
        states = self._ports.logs.states(
            partitions, group=kind.group, young_since_ms=young_since_ms
        )
        before = {
            partition: bound
            for partition, state in states.items()
            if (bound := delete_before(state)) is not None
        }
        if before:
            self._ports.logs.delete(before)
            deleted = sum(
                bound - states[partition].first_offset for partition, bound in before.items()
            )
            self._ports.tally.add(RECORDS_DELETED, amount=deleted)


def kinds(
    prefix: str,
    *,
    tiers: Mapping[str, int],
    deliveries: Callable[[], Mapping[str, int]],
    kept_ms: int,
) -> tuple[Kept, ...]:
    """Tiers go as soon as they are finished; deliveries are kept so long for their bodies."""
    return (
        Kept(f"{prefix}scheduler", lambda: tiers, kept_ms=0),
        Kept(f"{prefix}sender", deliveries, kept_ms=kept_ms),
    )
