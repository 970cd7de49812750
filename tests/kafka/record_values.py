"""Values for tests of records: typical ones, generated ones, and the schemas of the checkout."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from fastavro import schemaless_writer  # pyright: ignore[reportUnknownVariableType] - IO of unknown
from hypothesis import strategies as st

from pipeline.adapters.kafka.codec import RecordCodec
from pipeline.adapters.kafka.schema_files import SchemaVersion, load_schemas
from pipeline.domain.delivery import Attempt, DeadLetter, Delivery, Position
from pipeline.domain.endpoint import (
    Account,
    BodyChoice,
    Endpoint,
    EndpointStatus,
    Order,
    RateLimit,
    RetryPolicy,
)
from pipeline.domain.event import Event
from pipeline.domain.interventions import Intervention, Kind
from pipeline.domain.job import JobPart, JobRecord
from pipeline.domain.profile_entry import ProfileEntry
from pipeline.domain.relation import Relation
from pipeline.domain.start_position import DecidedBy, StartPosition

SCHEMAS_FOLDER: Final = Path(__file__).parents[2] / "schemas"
SCHEMAS: Final = load_schemas(SCHEMAS_FOLDER)
CODEC: Final = RecordCodec(SCHEMAS)

A_DELIVERY: Final = Delivery(
    delivery_id="dlv_01J8Z7Q8W5X6Y7Z8A9B0C1D2E3",
    webhook_id="msg_01J8Z7Q8W5X6Y7Z8A9B0C1D2E3",
    endpoint="ep_01J8Z7Q8W5X6Y7Z8A9B0C1D2E3",
    endpoint_version=1234,
    attempt=1,
    first_attempt_at_ms=None,
    due_at_ms=None,
    parked=0,
    cause="event",
    cause_id=None,
    account="studio-nine",
    event_id="evt_01J8Z7Q8W5X6Y7Z8A9B0C1D2E3",
    event_type="booking.confirmed",
    subject="company/4411",
    occurred_at_us=1_772_449_200_000_000,
    body=b'{"id":1}',
    content_type="application/json",
    headers={},
    source=Position("webhooks.events", 2, 123_456),
)
AN_ATTEMPT: Final = Attempt(
    delivery_id=A_DELIVERY.delivery_id,
    webhook_id=A_DELIVERY.webhook_id,
    event_id=A_DELIVERY.event_id,
    event_type=A_DELIVERY.event_type,
    subject=None,
    account=A_DELIVERY.account,
    endpoint=A_DELIVERY.endpoint,
    cause="event",
    cause_id=None,
    occurred_at_us=A_DELIVERY.occurred_at_us,
    attempt=1,
    started_at_ms=1_772_449_200_123,
    duration_ms=12.5,
    outcome="refused",
    status=503,
    decision="retry",
    next_attempt_at_ms=1_772_449_205_000,
    record=Position("webhooks.delivery.ep_1", 0, 7),
    phases={"dns": 0.5, "total": 12.5},
    request_headers={"webhook-id": A_DELIVERY.webhook_id},
    response_headers={"content-type": "text/plain"},
    response_body=b"\xff\x00 out of order",
    error="503 Service Unavailable",
    address="192.0.2.1",
)
A_DEAD_LETTER: Final = DeadLetter(
    id=A_DELIVERY.delivery_id,
    reason="exhausted",
    dead_at_ms=1_772_449_300_000,
    source=Position("webhooks.retry.1h", 1, 99),
    account="studio-nine",
    endpoint=A_DELIVERY.endpoint,
    event_type="booking.confirmed",
    attempts=10,
    outcome="timed_out",
    delivery=b"\xc3\x01...",
)
AN_EVENT: Final = Event(
    id="evt_1",
    type="booking.confirmed",
    account="studio-nine",
    time_us=1_772_449_200_000_000,
    data=b'{"id": 1.00}',
    subject="company/4411",
    metadata={"project": "north"},
)
A_START_POSITION: Final = StartPosition(
    "webhooks.router", "webhooks.events", "b6Yz", 3, 17, 1_772_449_200_000, DecidedBy.OPERATOR
)
AN_ACCOUNT: Final = Account("studio-nine", "timekit", "Studio Nine", "basic", owner_email="o@x.org")
AN_ENDPOINT: Final = Endpoint(
    id="ep_1",
    account="studio-nine",
    profile="timekit",
    topic="webhooks.delivery.ep_1",
    url="https://example.org/hook",
    description="of the shop",
    metadata={"project": "north"},
    event_types=("booking.*",),
    filter='{"data.amount": {"$gte": 100}}',
    body=BodyChoice(template='{"id": "$.event.id"}'),
    headers=(("X-A", "1"), ("X-A", "2")),
    signing=("v1", "v1a"),
    retry=RetryPolicy((5_000, 60_000), 0.1),
    order=Order.STRICT,
    timeout_ms=5_000,
    max_in_flight=1,
    rate_limit=RateLimit(10, 1_000),
    on_inactive="drop",
    status=EndpointStatus.INACTIVE,
    status_reason="no success for 5 days",
    status_since_ms=1_772_449_200_000,
    created_at_ms=1_772_449_100_000,
    updated_at_ms=1_772_449_200_001,
    sealed=b"\x01sealed",
)
A_RELATION: Final = Relation("studio-nine", "4411", "gold")
A_JOB: Final = JobRecord("rpl_01", JobPart.PROGRESS, '{"status":"running"}')
AN_INTERVENTION: Final = Intervention("dlv_01", "e-1", Kind.DONE, 3, "delivered")
A_PROFILE: Final = ProfileEntry("parcels", '{"name": "parcels"}', removed=True)

_LONGS: Final = st.integers(-(2**63), 2**63 - 1)
_INTS: Final = st.integers(-(2**31), 2**31 - 1)
_SHORT_TEXTS: Final = st.text(max_size=80)
# Long enough for lengths of two and three bytes.
_TEXTS: Final = _SHORT_TEXTS | st.builds(
    str.__mul__, st.text(min_size=1, max_size=3), st.just(4000)
)
_BYTES: Final = st.binary(max_size=200) | st.builds(bytes, st.integers(60, 20_000))
_FLOATS: Final = st.floats(width=32, allow_nan=False)
_MAPS: Final = st.dictionaries(_SHORT_TEXTS, _SHORT_TEXTS, max_size=4)
_POSITIONS: Final = st.builds(Position, _TEXTS, _INTS, _LONGS)

DELIVERIES: Final = st.builds(
    Delivery,
    *(_TEXTS, _TEXTS, _TEXTS, _LONGS, _INTS, st.none() | _LONGS, st.none() | _LONGS, _INTS),
    *(_TEXTS, st.none() | _TEXTS, _TEXTS, _TEXTS, _TEXTS, st.none() | _TEXTS, _LONGS),
    *(_BYTES, _TEXTS, _MAPS, _POSITIONS),
)
ATTEMPTS: Final = st.builds(
    Attempt,
    *(_TEXTS, _TEXTS, _TEXTS, _TEXTS, st.none() | _TEXTS, _TEXTS, _TEXTS, _TEXTS),
    *(st.none() | _TEXTS, _LONGS, _INTS, _LONGS, _FLOATS, _TEXTS, st.none() | _INTS, _TEXTS),
    *(st.none() | _LONGS, _POSITIONS),
    *(st.none() | st.dictionaries(_SHORT_TEXTS, _FLOATS, max_size=4), st.none() | _MAPS),
    *(st.none() | _MAPS, st.none() | _BYTES, st.none() | _TEXTS, st.none() | _TEXTS),
    st.none() | _TEXTS,
)
DEAD_LETTERS: Final = st.builds(
    DeadLetter,
    *(_TEXTS, _TEXTS, _LONGS, _POSITIONS, st.none() | _TEXTS, st.none() | _TEXTS),
    *(st.none() | _TEXTS, _INTS, st.none() | _TEXTS, st.none() | _INTS, st.none() | _TEXTS),
    *(st.none() | _BYTES, st.none() | _BYTES, st.none() | _BYTES),
)
EVENTS: Final = st.builds(Event, _TEXTS, _TEXTS, _TEXTS, _LONGS, _BYTES, st.none() | _TEXTS, _MAPS)
START_POSITIONS: Final = st.builds(
    StartPosition, _TEXTS, _TEXTS, _TEXTS, _INTS, _LONGS, _LONGS, st.sampled_from(DecidedBy)
)


def by_fastavro(version: SchemaVersion, fields: Mapping[str, Any]) -> bytes:
    """A record as Avro's reference for Python writes it."""
    record = BytesIO()
    record.write(version.header)
    schemaless_writer(record, cast("dict[str, Any]", version.plain), fields)
    return record.getvalue()


def named_as_in_schema(value: NamedTuple) -> dict[str, Any]:
    """One of ours as fastavro wants it: a dict, times without their unit."""
    fields = value._asdict()
    for name in ("source", "record"):
        if name in fields:
            fields[name] = fields[name]._asdict()
    return {_name_in_schema(name): part for name, part in fields.items()}


def _name_in_schema(name: str) -> str:
    return name if name == "duration_ms" else name.removesuffix("_ms").removesuffix("_us")
