"""Statistics of an endpoint, an account or all: counted as attempts come in, not when asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query

from pipeline.api.caller import Caller, FromCaller
from pipeline.api.endpoint_access import seen_account, seen_endpoint
from pipeline.api.endpoints import ID_PATTERN, AccountId, EndpointId
from pipeline.api.problem_responses import problem_responses
from pipeline.api.statistics_models import (
    EndpointStatisticsBody,
    FailingList,
    HourBody,
    LatencyBody,
    StatisticsBody,
    StatisticsList,
    StatisticsOfEndpoint,
)
from pipeline.api.store_work import in_thread
from pipeline.api.times import time_text
from pipeline.delivery_log import Counted, CountFilter, DeliveryLog
from pipeline.domain.latency import quantiles_ms
from pipeline.registry import Registry

_TAG: Final = "Statistics"
_HOUR_MS: Final = 3_600_000
_NO_ANSWER: Final = "none"
_DIGITS: Final = 4


class Window(StrEnum):
    """How far back is looked: so many hours, the present one included."""

    DAY = "24h"
    WEEK = "7d"
    ALL = "60d"


_Limit = Annotated[int, Query(ge=1, le=100, description="How many to answer.")]
_ID: Final = ID_PATTERN.strip("^$")
_Several = Annotated[
    str,
    Query(
        pattern=f"^{_ID}(,{_ID}){{0,99}}$",
        description="Their ids, with commas between them; at most a hundred.",
        examples=["shop-orders,shop-stock"],
    ),
]
_HOURS: Final = {Window.DAY: 24, Window.WEEK: 7 * 24, Window.ALL: 60 * 24}


@dataclass(frozen=True, slots=True)
class StatisticsPorts:
    """What statistics are read with."""

    log: DeliveryLog
    registry: Registry
    now_ms: Callable[[], int]


def router(ports: StatisticsPorts) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=[_TAG])

    @routes.get(
        "/v1/endpoints/{endpoint}/statistics",
        operation_id="readEndpointStatistics",
        summary="Requests to an endpoint, and how many it accepted.",
        responses=problem_responses(404),
    )
    async def read_endpoint_statistics(
        endpoint: EndpointId, caller: FromCaller, window: Window = Window.DAY
    ) -> StatisticsBody:
        return await in_thread(_of_endpoint, ports, caller, endpoint, window=window)

    @routes.get(
        "/v1/accounts/{account}/statistics",
        operation_id="readAccountStatistics",
        summary="Requests to all endpoints of an account, and how many were accepted.",
        responses=problem_responses(404),
    )
    async def read_account_statistics(
        account: AccountId, caller: FromCaller, window: Window = Window.DAY
    ) -> StatisticsBody:
        return await in_thread(_of_account, ports, caller, account, window=window)

    @routes.get(
        "/v1/statistics",
        operation_id="readStatistics",
        summary="All requests, and how many were accepted.",
        responses=problem_responses(403),
    )
    async def read_statistics(caller: FromCaller, window: Window = Window.DAY) -> StatisticsBody:
        caller.check_operator()
        return await in_thread(_counted, ports, CountFilter(), window)

    _add_each(routes, ports)
    _add_failing(routes, ports)
    return routes


def _add_each(routes: APIRouter, ports: StatisticsPorts) -> None:
    @routes.get(
        "/v1/statistics/by-endpoint",
        operation_id="listEndpointStatistics",
        summary="The same of several endpoints at once.",
        description="Nothing is counted of what the key does not see, or of what is not there.",
    )
    async def list_endpoint_statistics(
        caller: FromCaller, endpoints: _Several, window: Window = Window.DAY
    ) -> StatisticsList:
        return await in_thread(_of_each, ports, caller, endpoints.split(","), window=window)


def _add_failing(routes: APIRouter, ports: StatisticsPorts) -> None:
    @routes.get(
        "/v1/statistics/endpoints",
        operation_id="listFailingEndpoints",
        summary="The endpoints with the most requests that failed.",
        description="An account's key is told of that account's alone.",
    )
    async def list_failing_endpoints(
        caller: FromCaller, window: Window = Window.DAY, limit: _Limit = 10
    ) -> FailingList:
        hours = _hours(ports.now_ms(), window)
        found = await in_thread(
            ports.log.failing,
            CountFilter(account=caller.account),
            since_ms=hours.start,
            until_ms=hours.stop,
            limit=limit,
        )
        bodies = [
            EndpointStatisticsBody(**one._asdict(), failed=one.requests - one.accepted)
            for one in found
        ]
        return FailingList(items=bodies)


def _of_endpoint(
    ports: StatisticsPorts, caller: Caller, endpoint_id: str, *, window: Window
) -> StatisticsBody:
    with ports.registry.reading() as reader:
        endpoint = seen_endpoint(reader, caller, endpoint_id)
    return _counted(ports, CountFilter(endpoint=endpoint.id), window)


def _of_account(
    ports: StatisticsPorts, caller: Caller, account_id: str, *, window: Window
) -> StatisticsBody:
    with ports.registry.reading() as reader:
        account = seen_account(reader, caller, account_id)
    return _counted(ports, CountFilter(account=account.id), window)


def _of_each(
    ports: StatisticsPorts, caller: Caller, endpoints: list[str], *, window: Window
) -> StatisticsList:
    hours = _hours(ports.now_ms(), window)
    counted = ports.log.counted_of_each(
        endpoints, caller.account, since_ms=hours.start, until_ms=hours.stop
    )
    return StatisticsList(
        items=[
            StatisticsOfEndpoint(endpoint=each, **_summed(counted[each], hours))
            for each in endpoints
        ]
    )


def _counted(ports: StatisticsPorts, of: CountFilter, window: Window) -> StatisticsBody:
    hours = _hours(ports.now_ms(), window)
    counted = ports.log.counted(of, since_ms=hours.start, until_ms=hours.stop)
    return StatisticsBody(**_summed(counted, hours))


def _hours(now_ms: int, window: Window) -> range:
    until_ms = now_ms - now_ms % _HOUR_MS + _HOUR_MS
    return range(until_ms - _HOURS[window] * _HOUR_MS, until_ms, _HOUR_MS)


def _summed(counted: Counted, hours: range) -> dict[str, Any]:
    """The fields of a StatisticsBody."""
    requests: Counter[int] = Counter()
    accepted: Counter[int] = Counter()
    by_status: Counter[str] = Counter()
    for hour in counted.hours:
        requests[hour.hour_ms] += hour.requests
        accepted[hour.hour_ms] += hour.accepted
        by_status[_NO_ANSWER if hour.http_status is None else str(hour.http_status)] += (
            hour.requests
        )
    total = requests.total()
    p50, p95, p99 = quantiles_ms(counted.latencies, 0.5, 0.95, 0.99)
    return {
        "requests": total,
        "accepted": accepted.total(),
        "triggered_again": sum(hour.triggered for hour in counted.hours),
        "acceptance": round(accepted.total() / total, _DIGITS) if total else None,
        "by_status": dict(by_status),
        "latency_ms": LatencyBody(p50=p50, p95=p95, p99=p99),
        "series": [
            HourBody(
                time=time_text(hour_ms) or "",
                requests=requests[hour_ms],
                accepted=accepted[hour_ms],
            )
            for hour_ms in hours
        ],
        "since": time_text(hours.start) or "",
    }
