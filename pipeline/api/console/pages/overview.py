"""The overview: how much goes through, how well, and what waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from starlette.responses import Response

from pipeline.api.console.api_calls import path_of
from pipeline.api.console.recent_answers import RecentAnswers
from pipeline.api.console.visit import Page, Visit
from pipeline.api.problems import Problem

_SHOWN_LETTERS = 5
_SHOWN_FAILING = "5"
_DAY = "24h"
_LONGEST_RATE_MS = 60_000
"""A rate over a longer time would say little of now."""


class Waiting(NamedTuple):
    """What a stage has not read yet, topic by topic."""

    stage: str
    name: str
    """A topic, a tier, or how many of endpoints' own."""
    kind: str
    """`late`, `tier` or `inactive`."""
    records: int
    oldest_ms: int | None
    held: int
    """Partitions whose position is lost."""

    @property
    def is_waiting(self) -> bool:
        """Whether there is anything to say of it."""
        return self.records > 0 or self.held > 0


class ReadPosition(NamedTuple):
    """How far a stage has read a partition."""

    stage: str
    topic: str
    number: int
    state: str
    """`reading`, `new`, `held` or `decided`."""
    committed: int | None
    end: int
    late: int
    oldest_ms: int | None


class Backlog(NamedTuple):
    """At one moment."""

    at_ms: int
    rows: tuple[Waiting, ...]
    events_end: int
    """How many records were ever written to the source topics."""
    events_per_second: float | None = None
    """Since the moment before; None where there was none."""
    positions: tuple[ReadPosition, ...] = ()

    def after(self, before: Backlog | None) -> Backlog:
        """The same with its rate."""
        lasted_ms = 0 if before is None else self.at_ms - before.at_ms
        if before is None or not 0 < lasted_ms <= _LONGEST_RATE_MS:
            return self
        come = max(self.events_end - before.events_end, 0)
        return self._replace(events_per_second=come * 1_000 / lasted_ms)

    @property
    def late(self) -> int:
        """Records that could have been read by now."""
        return sum(row.records for row in self.rows if row.kind == "late")

    @property
    def held(self) -> int:
        return sum(row.held for row in self.rows)


AskBacklog = Callable[[], Awaitable[Backlog | None]]
"""None: Kafka does not answer now."""


class Overview:
    """The page, and the part of it that is live."""

    def __init__(self, ask_backlog: AskBacklog) -> None:
        self._ask_backlog = ask_backlog
        self._recent = RecentAnswers()

    @property
    def page(self) -> Page:
        async def overview(visit: Visit) -> Response:
            name = "overview_live.html" if visit.is_fragment else "overview.html"
            return visit.page(name, **await self._values(visit))

        return overview

    async def _values(self, visit: Visit) -> dict[str, Any]:
        own = visit.visitor.caller.account
        window = {"window": _DAY}
        statistics_path = (
            "/v1/statistics" if own is None else path_of("accounts", own, "statistics")
        )
        statistics, failing, circuits, end_to_end, letters, backlog = await asyncio.gather(
            self._recent.get(visit, statistics_path, window),
            self._recent.get(
                visit, "/v1/statistics/endpoints", {**window, "limit": _SHOWN_FAILING}
            ),
            self._recent.get(visit, "/v1/statistics/circuits", {}),
            self._recent.get(visit, "/v1/statistics/end-to-end", {}),
            visit.api.get("/v1/dead-letters", {"limit": str(_SHOWN_LETTERS)}),
            self._backlog(visit),
        )
        accounts: list[Any] = []
        if not statistics["requests"] and own is None:
            accounts = (await visit.api.get("/v1/accounts", {"limit": "1"}))["items"]
        return {
            "statistics": statistics,
            "failing": failing["items"],
            "circuits": circuits["items"],
            "circuits_complete": circuits["complete"],
            "end_to_end": end_to_end,
            "letters": letters["items"],
            "backlog": backlog,
            "has_accounts": bool(accounts) or own is not None,
        }

    async def _backlog(self, visit: Visit) -> Backlog | None:
        """Operators alone see what belongs to everybody."""
        if not visit.visitor.is_operator:
            return None
        try:
            return await self._ask_backlog()
        except Problem:
            return None
