"""Statistics in answers: their shape, for the OpenAPI document."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from pipeline.api.times import TIME_SCHEMA

_TIME: Final[dict[str, Any]] = dict(TIME_SCHEMA)


class LatencyBody(BaseModel):
    """Milliseconds, at most a quarter off; null where nothing was counted."""

    model_config = ConfigDict(title="Latency")

    p50: float | None
    p95: float | None
    p99: float | None


class HourBody(BaseModel):
    """The requests that began in one hour."""

    model_config = ConfigDict(title="StatisticsHour")

    time: str = Field(description="When the hour began.", json_schema_extra=_TIME)
    requests: int
    accepted: int


class StatisticsBody(BaseModel):
    """What became of the requests of a time; retries count, too."""

    model_config = ConfigDict(title="Statistics")

    requests: int
    accepted: int
    acceptance: float | None = Field(
        description="The share that was accepted; null without requests.", examples=[0.9931]
    )
    triggered_again: int = Field(
        description="Of the requests, those of deliveries that somebody triggered again."
    )
    by_status: dict[str, int] = Field(
        description="By HTTP status; `none` where nobody answered.",
        examples=[{"200": 143, "503": 1}],
    )
    latency_ms: LatencyBody
    series: list[HourBody] = Field(description="Every hour of the window, the oldest first.")
    since: str = Field(json_schema_extra=_TIME)


class StatisticsOfEndpoint(StatisticsBody):
    """The same, of one of several endpoints."""

    model_config = ConfigDict(title="StatisticsOfEndpoint")

    endpoint: str


class StatisticsList(BaseModel):
    """In the order in which they were asked for."""

    items: list[StatisticsOfEndpoint]


class EndpointStatisticsBody(BaseModel):
    """What became of the requests to one endpoint; retries count, too."""

    model_config = ConfigDict(title="EndpointStatistics")

    endpoint: str
    account: str
    requests: int
    accepted: int
    failed: int


class FailingList(BaseModel):
    """Those with the most failures first."""

    items: list[EndpointStatisticsBody]
