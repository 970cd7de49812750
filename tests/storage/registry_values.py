"""Accounts, endpoints and what belongs to them, valid by default."""

from __future__ import annotations

from typing import Any

from pipeline.domain.endpoint import (
    Account,
    BodyChoice,
    Endpoint,
    EndpointStatus,
    Order,
    RateLimit,
    RetryPolicy,
)
from pipeline.registry import (
    Access,
    ApiKey,
    EventType,
    KeptAnswer,
    OutboxRecord,
    StoredProfile,
)

SHARED = "webhooks.shared-delivery"


def an_account(account_id: str = "acme", **changes: Any) -> Account:
    values: dict[str, Any] = {
        "profile": "standard-webhooks",
        "name": "Acme, Ünï",
        "plan": "gold",
        "webhooks_enabled": False,
        "owner_email": "ops@example.com",
    }
    return Account(account_id, **{**values, **changes})


def an_endpoint(endpoint_id: str = "crm", **changes: Any) -> Endpoint:
    values: dict[str, Any] = {"account": "acme", "profile": "standard-webhooks", "topic": SHARED}
    return Endpoint(endpoint_id, **{**values, **changes})


FULL_ENDPOINT = an_endpoint(
    url="https://example.com/hook?a=1",
    email="a@example.com",
    description="The CRM\nof \0 Acme",
    metadata={"team": "sales", "ä": "ö"},
    event_types=("person.*", "*.created"),
    filter='{"data.n":{"$gt":1}}',
    body=BodyChoice("flat", '{"b":1.50,"a":["$.event.id"]}'),
    headers=(("X-B", "1"), ("X-A", "2")),
    signing=("v1a",),
    retry=RetryPolicy((5_000, 300_000), 0.1),
    order=Order.STRICT,
    timeout_ms=20_000,
    max_in_flight=3,
    rate_limit=RateLimit(10, 60_000),
    on_inactive="drop",
    status=EndpointStatus.INACTIVE,
    status_reason="deactivated",
    status_since_ms=3,
    created_at_ms=1,
    updated_at_ms=2,
    moved_from="webhooks.delivery.crm",
    moved_at_ms=4,
    sealed=b"\x00\xffsealed",
)


def a_key(key_id: str = "key_1", **changes: Any) -> ApiKey:
    values: dict[str, Any] = {
        "hash": key_id.encode() * 4,
        "account": "acme",
        "access": Access.READ,
        "name": "CI",
        "created_at_ms": 5,
    }
    return ApiKey(key_id, **{**values, **changes})


def a_profile(name: str = "own", **changes: Any) -> StoredProfile:
    values: dict[str, Any] = {"document": '{"a":1.0}', "created_at_ms": 1, "updated_at_ms": 2}
    return StoredProfile(name, **{**values, **changes})


def an_event_type(name: str = "person.created", **changes: Any) -> EventType:
    values: dict[str, Any] = {
        "description": "A person",
        "schema": "{}",
        "sample": None,
        "created_at_ms": 1,
        "updated_at_ms": 2,
    }
    return EventType(name, **{**values, **changes})


def an_answer(**changes: Any) -> KeptAnswer:
    values: dict[str, Any] = {
        "owner": "key_1",
        "idempotency_key": "k",
        "request_hash": b"h",
        "status": 202,
        "answer": b'{"id":"evt_1"}',
        "created_at_ms": 10,
    }
    return KeptAnswer(**{**values, **changes})


def a_record(key: str = "acme", value: bytes | None = b"v", **changes: Any) -> OutboxRecord:
    values: dict[str, Any] = {"topic": "webhooks.accounts", "key": key.encode(), "value": value}
    return OutboxRecord(**{**values, **changes})
