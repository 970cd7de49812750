"""Accounts and endpoints as named fields, for whoever writes them down, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import msgspec

from pipeline.domain.endpoint import (
    Account,
    BodyChoice,
    Endpoint,
    EndpointStatus,
    Order,
    RateLimit,
    RetryPolicy,
)

Fields = Mapping[str, Any]
"""By the names that the schemas and the store have."""


class _Body(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, frozen=True):
    format: str | None = None
    template: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


def fields_of_account(account: Account) -> dict[str, Any]:
    """All but the version, which is the record's offset."""
    fields = asdict(account)
    del fields["version"]
    return fields


def account_of(fields: Fields, *, version: int) -> Account:
    return Account(**fields, version=version)


def fields_of_endpoint(endpoint: Endpoint) -> dict[str, Any]:
    """All but the version, which is the record's offset."""
    retry, rate_limit = endpoint.retry, endpoint.rate_limit
    return {
        "id": endpoint.id,
        "account": endpoint.account,
        "profile": endpoint.profile,
        "topic": endpoint.topic,
        "url": endpoint.url,
        "email": endpoint.email,
        "description": endpoint.description,
        "metadata": endpoint.metadata,
        "event_types": list(endpoint.event_types),
        "filter": endpoint.filter,
        "body": _written_body(endpoint.body),
        "headers": [{"name": name, "value": value} for name, value in endpoint.headers],
        "signing": None if endpoint.signing is None else list(endpoint.signing),
        "retry": retry and {"delays_ms": list(retry.delays_ms), "jitter": retry.jitter},
        "order": endpoint.order.value,
        "timeout_ms": endpoint.timeout_ms,
        "max_in_flight": endpoint.max_in_flight,
        "rate_limit": rate_limit and asdict(rate_limit),
        "on_inactive": endpoint.on_inactive,
        "status": endpoint.status.value,
        "status_reason": endpoint.status_reason,
        "status_since": endpoint.status_since_ms,
        "created_at": endpoint.created_at_ms,
        "updated_at": endpoint.updated_at_ms,
        "moved_from": endpoint.moved_from,
        "moved_at": endpoint.moved_at_ms,
        "drop_before": endpoint.drop_before_ms,
        "sealed": endpoint.sealed,
    }


def endpoint_of(fields: Fields, *, version: int) -> Endpoint:
    """Raises ValueError: a field has a value that this version does not know."""
    retry, rate_limit, signing = fields["retry"], fields["rate_limit"], fields["signing"]
    return Endpoint(
        id=fields["id"],
        account=fields["account"],
        profile=fields["profile"],
        topic=fields["topic"],
        version=version,
        url=fields["url"],
        email=fields["email"],
        description=fields["description"],
        metadata=fields["metadata"],
        event_types=tuple(fields["event_types"]),
        filter=fields["filter"],
        body=_read_body(fields["body"]),
        headers=tuple((header["name"], header["value"]) for header in fields["headers"]),
        signing=None if signing is None else tuple(signing),
        retry=retry and RetryPolicy(tuple(retry["delays_ms"]), retry["jitter"]),
        order=Order(fields["order"]),
        timeout_ms=fields["timeout_ms"],
        max_in_flight=fields["max_in_flight"],
        rate_limit=rate_limit and RateLimit(**rate_limit),
        on_inactive=fields["on_inactive"],
        status=EndpointStatus(fields["status"]),
        status_reason=fields["status_reason"],
        status_since_ms=fields["status_since"],
        created_at_ms=fields["created_at"],
        updated_at_ms=fields["updated_at"],
        moved_from=fields["moved_from"],
        moved_at_ms=fields["moved_at"],
        drop_before_ms=fields["drop_before"],
        sealed=fields["sealed"],
    )


def _written_body(body: BodyChoice) -> str | None:
    if body == BodyChoice():
        return None
    template = msgspec.UNSET if body.template is None else msgspec.Raw(body.template.encode())
    return msgspec.json.encode(_Body(body.format, template)).decode()


def _read_body(text: str | None) -> BodyChoice:
    if text is None:
        return BodyChoice()
    try:
        body = msgspec.json.decode(text, type=_Body)
    except msgspec.MsgspecError as exc:
        raise ValueError(f"body: {exc}") from exc
    template = None if body.template is msgspec.UNSET else bytes(body.template).decode()
    return BodyChoice(body.format, template)
