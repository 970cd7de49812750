"""Rows of the store as tuples, in the order of their columns."""

from __future__ import annotations

from typing import NamedTuple


class DeliveryRow(NamedTuple):
    """A row of `deliveries`; fields are its columns, in their order."""

    id: str
    account: str
    endpoint: str
    webhook_id: str | None
    event_id: str | None
    event_type: str | None
    subject: str | None
    cause: str | None
    cause_id: str | None
    occurred_at_us: int | None
    original: str | None
    created_at_ms: int
    state: int
    attempts: int
    deciding_state: int | None
    deciding_attempt: int | None
    last_attempt_at_ms: int | None
    http_status: int | None
    next_attempt_at_ms: int | None
    record_topic: str | None
    record_partition: int | None
    record_offset: int | None
    only_duration_ms: float | None
    only_phases: str | None
    only_address: str | None


FIRST_OF_STANDING = DeliveryRow._fields.index("state")
"""The columns from here on change from attempt to attempt."""


class AttemptRow(NamedTuple):
    """A row of `attempts`; fields are its columns, in their order."""

    delivery_id: str
    attempt: int
    started_at_ms: int
    duration_ms: float
    outcome: str
    http_status: int | None
    decision: str
    next_attempt_at_ms: int | None
    record_topic: str
    record_partition: int
    record_offset: int
    phases: str | None
    request_headers: str | None
    response_headers: str | None
    response_body: bytes | None
    error: str | None
    address: str | None
    reason: str | None


class DeadLetterRow(NamedTuple):
    """A row of `dead_letters`; fields are its columns, in their order."""

    id: str
    reason: str
    dead_at_ms: int
    account: str | None
    endpoint: str | None
    event_type: str | None
    attempts: int
    outcome: str | None
    http_status: int | None
    error: str | None
    source_topic: str
    source_partition: int
    source_offset: int
    record_topic: str
    record_partition: int
    record_offset: int
