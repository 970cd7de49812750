"""Rows of accounts, endpoints and what belongs to them, and the values that they are made of."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

import msgspec
from sqlalchemy import RowMapping

from pipeline.adapters.storage.errors import StoreUnusable
from pipeline.domain.endpoint import Account, Endpoint
from pipeline.domain.endpoint_fields import endpoint_of, fields_of_endpoint
from pipeline.publishing import PendingRecord
from pipeline.registry import (
    Access,
    ApiKey,
    EventType,
    KeptAnswer,
    OutboxRecord,
    StoredProfile,
)

Values = dict[str, Any]
"""By the names of a table's columns."""

_COLUMN_OF: Final = {
    **{name: name for name in ("id", "account", "profile", "topic", "status", "sealed")},
    "created_at": "created_at_ms",
    "updated_at": "updated_at_ms",
}
"""The columns that an endpoint's fields have to themselves; the rest is in its document."""
_FIRST: Final = fields_of_endpoint(Endpoint("", "", "", ""))
"""What a document says that is older than a field."""
_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(dict[str, Any])


def values_of_account(account: Account) -> Values:
    values = asdict(account)
    del values["version"]
    return values


def account_in(row: RowMapping) -> Account:
    return Account(**row)


def values_of_endpoint(endpoint: Endpoint) -> Values:
    fields = fields_of_endpoint(endpoint)
    values = {column: fields.pop(name) for name, column in _COLUMN_OF.items()}
    return {**values, "document": _encoder.encode(fields).decode()}


def endpoint_in(row: RowMapping) -> Endpoint:
    """Raises StoreUnusable: it was written by a version that knows more."""
    own = {name: row[column] for name, column in _COLUMN_OF.items()}
    try:
        return endpoint_of({**_FIRST, **_decoder.decode(row["document"]), **own}, version=0)
    except (msgspec.MsgspecError, ValueError, TypeError, KeyError) as exc:
        raise StoreUnusable(
            f"the endpoint {own['id']} in the store is none that this version knows: {exc}"
        ) from exc


def values_of_key(key: ApiKey) -> Values:
    return {**asdict(key), "access": key.access.value}


def key_in(row: RowMapping) -> ApiKey:
    values: Values = {**row, "access": Access(row["access"])}
    return ApiKey(**values)


def profile_in(row: RowMapping) -> StoredProfile:
    return StoredProfile(**row)


def event_type_in(row: RowMapping) -> EventType:
    return EventType(**row)


def answer_in(row: RowMapping) -> KeptAnswer:
    return KeptAnswer(**row)


def pending_in(row: RowMapping) -> PendingRecord:
    values: Values = dict(row)
    return PendingRecord(values.pop("sequence"), OutboxRecord(**values))
