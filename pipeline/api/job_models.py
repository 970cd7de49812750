"""Replays and redrives in requests and answers."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from pipeline.api.times import TIME_SCHEMA, time_text
from pipeline.domain.delivery import Reason
from pipeline.domain.job import DEFAULT_RATE, MAX_IDS, MAX_RATE, Job, JobStatus
from pipeline.domain.type_patterns import MAX_PATTERN_CHARS, MAX_PATTERNS

_REPLAY: Final[dict[str, Any]] = {
    "endpoint": "ep_01JNB9Q4J7Z4X9V1T0Q6W8R2EA",
    "since": "2026-03-02T11:00:00Z",
    "only": "undelivered",
}
_REDRIVE: Final[dict[str, Any]] = {
    "endpoint": "ep_01JNB9Q4J7Z4X9V1T0Q6W8R2EA",
    "reason": "exhausted",
}
_Pattern = Annotated[str, Field(min_length=1, max_length=MAX_PATTERN_CHARS)]
_ChosenId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
_LetterId = Annotated[str, Field(min_length=1, max_length=300)]


def _whole(number: object) -> object:
    """JSON Schema counts 50.0 among the integers."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


_Rate = Annotated[
    int,
    Field(ge=1, le=MAX_RATE, description="Deliveries a second, at most; fewer where they wait."),
    BeforeValidator(_whole),
]


class NewReplay(BaseModel):
    """Past events, to be routed again for one endpoint, or for those of an account."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [_REPLAY]}
    )

    endpoint: _ChosenId | None = None
    account: _ChosenId | None = None
    since: str = Field(json_schema_extra=TIME_SCHEMA)
    until: str | None = Field(
        default=None, description="Now, without it.", json_schema_extra=TIME_SCHEMA
    )
    event_types: list[_Pattern] = Field(default=[], max_length=MAX_PATTERNS)
    only: Literal["all", "undelivered"] = "all"
    new_ids: bool = Field(
        default=False, description="Whether receivers see ids that they do not know."
    )
    dry_run: bool = Field(default=False, description="Count what would be sent, and send nothing.")
    rate: _Rate = DEFAULT_RATE


class NewRedrive(BaseModel):
    """Which dead letters are to be sent again: those that everything here admits."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [_REDRIVE]}
    )

    endpoint: _ChosenId | None = None
    account: _ChosenId | None = None
    reason: Annotated[Reason | None, Field(strict=False)] = None
    event_types: list[_Pattern] = Field(
        default=[], max_length=MAX_PATTERNS, description="Patterns; none: every type."
    )
    ids: list[_LetterId] = Field(default=[], max_length=MAX_IDS)
    since: str | None = Field(
        default=None, description="Dead since.", json_schema_extra=TIME_SCHEMA
    )
    until: str | None = Field(default=None, json_schema_extra=TIME_SCHEMA)
    rate: _Rate = DEFAULT_RATE


class Counts(BaseModel):
    """How far it is."""

    id: str = Field(examples=["rpl_01JNB9Q4J7Z4X9V1T0Q6W8R2EA"])
    status: JobStatus
    matched: int = Field(description="Deliveries that it makes; known once it has counted.")
    sent: int = Field(description="Deliveries that it has written.")
    skipped: int = Field(description="Delivered meanwhile, or their endpoint does not receive.")
    unreadable: int = Field(description="Records that no delivery could be made of.")
    error: str | None
    account: str | None
    endpoint: str | None
    since: str | None = Field(json_schema_extra=TIME_SCHEMA)
    until: str | None = Field(json_schema_extra=TIME_SCHEMA)
    created_at: str = Field(json_schema_extra=TIME_SCHEMA)
    updated_at: str | None = Field(json_schema_extra=TIME_SCHEMA)


class Replay(Counts):
    """A replay."""

    event_types: list[str]
    only: Literal["all", "undelivered"]
    new_ids: bool
    dry_run: bool


class Redrive(Counts):
    """A redrive."""

    reason: str | None
    event_types: list[str]
    count: int | None = Field(description="The same as `matched`; null while it counts.")


class ReplayList(BaseModel):
    """A piece of the list, the newest first."""

    items: list[Replay]
    next: str | None = Field(description="The `cursor` of the next piece.")


class RedriveList(BaseModel):
    """A piece of the list, the newest first."""

    items: list[Redrive]
    next: str | None = Field(description="The `cursor` of the next piece.")


def replay_of(job: Job) -> Replay:
    order = job.order
    return Replay(
        **_counts(job),
        event_types=list(order.event_types),
        only=order.only.value,
        new_ids=order.new_ids,
        dry_run=order.dry_run,
    )


def redrive_of(job: Job) -> Redrive:
    is_counted = job.progress.status is not JobStatus.COUNTING
    return Redrive(
        **_counts(job),
        reason=job.order.reason,
        event_types=list(job.order.event_types),
        count=job.progress.matched if is_counted else None,
    )


def _counts(job: Job) -> dict[str, Any]:
    order, progress = job.order, job.progress
    return {
        "id": order.id,
        "status": job.status,
        "matched": progress.matched,
        "sent": progress.sent,
        "skipped": progress.skipped,
        "unreadable": progress.unreadable,
        "error": progress.error,
        "account": order.account,
        "endpoint": order.endpoint,
        "since": time_text(order.since_ms),
        "until": time_text(order.until_ms),
        "created_at": time_text(order.created_at_ms),
        "updated_at": time_text(progress.updated_at_ms or None),
    }
