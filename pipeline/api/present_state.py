"""`/v1/statistics/circuits` and `/v1/statistics/end-to-end`: how things are now, at a glance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from pipeline.api.caller import FromCaller
from pipeline.api.statistics import LatencyBody
from pipeline.api.store_work import in_thread
from pipeline.api.times import TIME_SCHEMA, time_text
from pipeline.domain.circuit_history import PastTry, open_circuit
from pipeline.domain.delivery import Outcome
from pipeline.domain.latency import exact_quantiles_ms
from pipeline.recent_log import RecentLog, Streak

_TAG: Final = "Statistics"
_MOST_STREAKS: Final = 50
_NEWEST: Final = 1_000
_DAY_MS: Final = 86_400_000
_TIME: Final[dict[str, Any]] = dict(TIME_SCHEMA)


class OpenCircuitBody(BaseModel):
    """An endpoint that is not tried, but for a probe now and then."""

    model_config = ConfigDict(title="OpenCircuit")

    endpoint: str
    account: str
    open_since: str = Field(json_schema_extra=_TIME)
    next_probe_at: str = Field(
        description="In the past where nothing has been there to try since.",
        json_schema_extra=_TIME,
    )
    failing_since: str = Field(
        description="When the first attempt began of those that failed without a success between.",
        json_schema_extra=_TIME,
    )
    http_status: int | None = Field(description="Of its last attempt; null: nobody answered.")


class OpenCircuits(BaseModel):
    """Those that failed last come first."""

    items: list[OpenCircuitBody]
    complete: bool = Field(description="Whether every failing endpoint was looked at.")


class EndToEndBody(BaseModel):
    """From the time of an event until a delivery of it was accepted."""

    model_config = ConfigDict(title="EndToEnd")

    deliveries: int = Field(description="How many were accepted of those that were looked at.")
    latency_ms: LatencyBody


@dataclass(frozen=True, slots=True)
class PresentPorts:
    """What it is read with."""

    log: RecentLog
    now_ms: Callable[[], int]


def router(ports: PresentPorts) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=[_TAG])

    @routes.get(
        "/v1/statistics/circuits",
        operation_id="listOpenCircuits",
        summary="The endpoints whose circuit is open.",
        description=(
            "As their recorded attempts tell, by the rule that senders follow. Of the"
            f" {_MOST_STREAKS} endpoints that failed last; an account's key is told of that"
            " account's alone."
        ),
    )
    async def list_open_circuits(caller: FromCaller) -> OpenCircuits:
        found = await in_thread(ports.log.streaks, account=caller.account, limit=_MOST_STREAKS + 1)
        bodies = [body for each in found[:_MOST_STREAKS] if (body := _body_of(each)) is not None]
        return OpenCircuits(items=bodies, complete=len(found) <= _MOST_STREAKS)

    @routes.get(
        "/v1/statistics/end-to-end",
        operation_id="readEndToEnd",
        summary="How long events take until they are accepted.",
        description=(
            f"Of the newest {_NEWEST:,} deliveries of the last 24 hours those that were accepted;"
            " an account's key is told of that account's alone."
        ),
    )
    async def read_end_to_end(caller: FromCaller) -> EndToEndBody:
        found = await in_thread(
            ports.log.journeys,
            account=caller.account,
            since_ms=ports.now_ms() - _DAY_MS,
            limit=_NEWEST,
        )
        # A producer's clock may be ahead of ours.
        lasted_ms = [max(each.accepted_at_ms - each.occurred_at_ms, 0) for each in found]
        p50, p95, p99 = exact_quantiles_ms(lasted_ms, 0.5, 0.95, 0.99)
        return EndToEndBody(
            deliveries=len(found), latency_ms=LatencyBody(p50=p50, p95=p95, p99=p99)
        )

    return routes


def _body_of(streak: Streak) -> OpenCircuitBody | None:
    tries = _with_the_last(streak)
    found = open_circuit(tries, changed_at_ms=streak.changed_at_ms)
    if found is None:
        return None
    return OpenCircuitBody(
        endpoint=streak.endpoint,
        account=streak.account,
        open_since=time_text(found.since_ms) or "",
        next_probe_at=time_text(found.next_probe_at_ms) or "",
        failing_since=time_text(streak.first_failure_ms) or "",
        http_status=max(tries, key=lambda each: each.started_at_ms).status,
    )


def _with_the_last(streak: Streak) -> Sequence[PastTry]:
    """In a long streak the last attempt may be a delivery's of its middle, which was not read."""
    last_ms = max((each.started_at_ms for each in streak.tries), default=0)
    if not streak.tries or last_ms >= streak.last_failure_ms:
        return streak.tries
    last = PastTry("", streak.last_failure_ms, 0.0, Outcome.UNREACHABLE.value, None)
    return [*streak.tries, last]
