"""Deliveries, their attempts and dead letters in answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from pipeline.api.caller import Caller
from pipeline.api.times import TIME_SCHEMA, time_text
from pipeline.delivery_log import ReasonCount, Status, StoredDeadLetter, StoredDelivery
from pipeline.domain.delivery import Attempt, Outcome

_TIME: Final[dict[str, Any]] = dict(TIME_SCHEMA)
_DELIVERY_ID: Final = "dlv_0R9D7KXQ6Z3M5V1N8T2W4Y6A8C"
_EXAMPLE: Final[dict[str, Any]] = {
    "id": _DELIVERY_ID,
    "webhook_id": "msg_4C2E9G1J7M5P3R8T6V0X2Z4B6D",
    "event_id": "evt_01JNB9Q4J7Z4X9V1T0Q6W8R2EA",
    "event_type": "invoice.paid",
    "subject": "invoice/7",
    "account": "acme",
    "endpoint": "shop-orders",
    "cause": "event",
    "status": "retrying",
    "http_status": 503,
    "attempts": 2,
    "created_at": "2026-03-02T11:00:00Z",
    "last_attempt_at": "2026-03-02T11:00:05Z",
    "next_attempt_at": "2026-03-02T11:05:05Z",
    "archived": False,
    "original": None,
    "times_triggered": 0,
}


class DeliveryBody(BaseModel):
    """How a delivery stands. What is not known of it (yet) is null."""

    model_config = ConfigDict(title="Delivery", json_schema_extra={"examples": [_EXAMPLE]})

    id: str
    webhook_id: str | None = Field(description="What receivers know it by.")
    event_id: str | None
    event_type: str | None
    subject: str | None
    account: str
    endpoint: str
    cause: str | None = Field(description="event, test, trigger_again, replay or redrive.")
    status: Status
    http_status: int | None = Field(description="Of the attempt that decided.")
    attempts: int
    created_at: str = Field(json_schema_extra=_TIME)
    last_attempt_at: str | None = Field(json_schema_extra=_TIME)
    next_attempt_at: str | None = Field(json_schema_extra=_TIME)
    archived: bool = Field(description="What was sent cannot be read or sent again any more.")
    original: str | None = Field(description="The delivery that this one repeats.")
    times_triggered: int = Field(description="How often it was triggered again.")


class AttemptBody(BaseModel):
    """One try of a delivery. Secrets are masked."""

    model_config = ConfigDict(title="Attempt")

    attempt: int
    started_at: str = Field(json_schema_extra=_TIME)
    duration_ms: float
    phases: dict[str, float] | None = Field(
        description="Milliseconds: dns, connect, tls, first_byte, total; kept where it failed."
    )
    outcome: str = Field(description="accepted, refused, timed_out, unreachable or blocked.")
    http_status: int | None
    request_headers: dict[str, str] | None = Field(description="Kept where it failed.")
    response_headers: dict[str, str] | None
    response_body: str | None = Field(description="The first 16 KiB, as far as they are UTF-8.")
    error: str | None
    address: str | None = Field(
        description="That was dialled; of a refused target operators alone are told."
    )
    decision: str = Field(description="delivered, retry or dead.")
    reason: str | None = Field(description="Why it was given up.")
    next_attempt_at: str | None = Field(json_schema_extra=_TIME)


class DeliveryDetail(DeliveryBody):
    """A delivery with its attempts, in their order."""

    model_config = ConfigDict(
        title="DeliveryDetail", json_schema_extra={"examples": [{**_EXAMPLE, "attempt_log": []}]}
    )

    attempt_log: list[AttemptBody]


class DeliveryList(BaseModel):
    """A piece of the list."""

    items: list[DeliveryBody]
    next: str | None = Field(description="The `cursor` of the next piece.")


class RecordPlace(BaseModel):
    """Where a record lies in Kafka."""

    topic: str
    partition: int
    offset: int


class DeadLetterBody(BaseModel):
    """What finally failed."""

    model_config = ConfigDict(title="DeadLetter")

    id: str = Field(examples=[_DELIVERY_ID, "webhooks.events/0/17"])
    delivery: str | None = Field(description="Null where no delivery could be made of a record.")
    endpoint: str | None
    account: str | None
    event_type: str | None
    reason: str
    outcome: str | None
    http_status: int | None
    error: str | None
    attempts: int
    dead_at: str = Field(json_schema_extra=_TIME)
    record: RecordPlace


class DeadLetterList(BaseModel):
    """A piece of the list."""

    items: list[DeadLetterBody]
    next: str | None = Field(description="The `cursor` of the next piece.")


class ReasonCountBody(BaseModel):
    """Dead letters of one reason."""

    model_config = ConfigDict(title="ReasonCount")

    reason: str
    count: int
    newest_at: str = Field(json_schema_extra=_TIME)


class DeadLetterCounts(BaseModel):
    """How many dead letters there are, by reason, the most first."""

    items: list[ReasonCountBody]
    total: int
    complete: bool = Field(description="Whether older ones than those counted cannot be there.")


def counts_body(found: Sequence[ReasonCount], *, most: int) -> DeadLetterCounts:
    total = sum(one.letters for one in found)
    return DeadLetterCounts(
        items=[
            ReasonCountBody(
                reason=one.reason, count=one.letters, newest_at=time_text(one.newest_ms) or ""
            )
            for one in found
        ],
        total=total,
        complete=total < most,
    )


def delivery_fields(delivery: StoredDelivery, *, is_archived: bool) -> dict[str, Any]:
    """What answers have of a delivery."""
    return {
        "id": delivery.id,
        "webhook_id": delivery.webhook_id,
        "event_id": delivery.event_id,
        "event_type": delivery.event_type,
        "subject": delivery.subject,
        "account": delivery.account,
        "endpoint": delivery.endpoint,
        "cause": delivery.cause,
        "status": delivery.status,
        "http_status": delivery.http_status,
        "attempts": delivery.attempts,
        "created_at": time_text(delivery.created_at_ms),
        "last_attempt_at": time_text(delivery.last_attempt_at_ms),
        "next_attempt_at": time_text(delivery.next_attempt_at_ms),
        "archived": is_archived,
        "original": delivery.original,
        "times_triggered": delivery.times_triggered,
    }


def attempt_body(attempt: Attempt, caller: Caller) -> AttemptBody:
    """The attempt as this caller may see it: a refused target's address tells of our network."""
    is_told = caller.is_operator or attempt.outcome != Outcome.BLOCKED
    body = attempt.response_body
    return AttemptBody(
        attempt=attempt.attempt,
        started_at=time_text(attempt.started_at_ms) or "",
        duration_ms=attempt.duration_ms,
        phases=attempt.phases,
        outcome=attempt.outcome,
        http_status=attempt.status,
        request_headers=attempt.request_headers,
        response_headers=attempt.response_headers,
        response_body=None if body is None else body.decode(errors="replace"),
        error=attempt.error,
        address=attempt.address if is_told else None,
        decision=attempt.decision,
        reason=attempt.reason,
        next_attempt_at=time_text(attempt.next_attempt_at_ms),
    )


def dead_letter_body(letter: StoredDeadLetter) -> DeadLetterBody:
    topic, partition, offset = letter.record
    return DeadLetterBody(
        id=letter.id,
        delivery=None if "/" in letter.id else letter.id,
        endpoint=letter.endpoint,
        account=letter.account,
        event_type=letter.event_type,
        reason=letter.reason,
        outcome=letter.outcome,
        http_status=letter.http_status,
        error=letter.error,
        attempts=letter.attempts,
        dead_at=time_text(letter.dead_at_ms) or "",
        record=RecordPlace(topic=topic, partition=partition, offset=offset),
    )
