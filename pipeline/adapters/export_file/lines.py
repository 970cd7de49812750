"""The lines of an export file: one for each thing, by its kind, and what they say."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, Final, TypeAlias

import msgspec

from pipeline.domain.endpoint import Account
from pipeline.domain.endpoint_fields import endpoint_of, fields_of_endpoint
from pipeline.domain.identifiers import check_chosen_id
from pipeline.domain.relation import Relation
from pipeline.moving import MovedEndpoint, MovedEntry, kind_of
from pipeline.operating import Operator
from pipeline.registry import Access, ApiKey, EventType, StoredProfile

FORMAT: Final = 1
"""Raised when a file says something that programs before it would misunderstand."""

_HASH_BYTES: Final = 32


class _Line(msgspec.Struct, tag_field="kind", forbid_unknown_fields=True):
    pass


class HeadLine(_Line, tag="export"):
    """The first one."""

    format: int
    made_at: str
    """RFC 3339."""


class EndLine(_Line, tag="end"):
    """The last one: a file without it, or that does not add up, is not whole."""

    entries: int
    sha256: str
    """Of all lines before it, in hexadecimal digits."""


class AccountLine(_Line, tag="account"):
    id: str
    profile: str
    name: str
    plan: str | None
    webhooks_enabled: bool
    owner_email: str | None
    removed: bool


class _Header(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    value: str


class _Retry(msgspec.Struct, forbid_unknown_fields=True):
    delays_ms: list[int]
    jitter: float


class _RateLimit(msgspec.Struct, forbid_unknown_fields=True):
    requests: int
    per_ms: int


class EndpointLine(_Line, tag="endpoint"):
    """The fields of its table record; of its topic only whether it has one to itself."""

    id: str
    account: str
    profile: str
    own_topic: bool
    url: str | None
    email: str | None
    description: str
    metadata: dict[str, str]
    event_types: list[str]
    filter: str | None
    body: str | None
    headers: list[_Header]
    signing: list[str] | None
    retry: _Retry | None
    order: str
    timeout_ms: int | None
    max_in_flight: int
    rate_limit: _RateLimit | None
    on_inactive: str
    status: str
    status_reason: str | None
    status_since: int
    created_at: int
    updated_at: int
    drop_before: int
    sealed: str | None
    """Base64: what is secret of it, never readable without the key that it was sealed with."""


class RelationLine(_Line, tag="relation"):
    account: str
    company: str
    star: str | None
    data: dict[str, str]


class KeyLine(_Line, tag="key"):
    id: str
    hash: str
    account: str | None
    access: Access
    name: str
    created_at_ms: int
    expires_at_ms: int | None
    last_used_at_ms: int | None
    revoked_at_ms: int | None


class ProfileLine(_Line, tag="profile"):
    name: str
    document: str
    created_at_ms: int
    updated_at_ms: int
    removed: bool


class EventTypeLine(_Line, tag="event_type"):
    type: str
    description: str
    schema: str | None
    sample: str | None
    created_at_ms: int
    updated_at_ms: int


class OperatorLine(_Line, tag="operator"):
    name: str
    password_hash: str
    created_at_ms: int


EntryLine: TypeAlias = (
    AccountLine | EndpointLine | RelationLine | KeyLine | ProfileLine | EventTypeLine | OperatorLine
)
AnyLine: TypeAlias = HeadLine | EndLine | EntryLine


def line_of(entry: MovedEntry) -> EntryLine:
    """How a file says it."""
    values = _values(entry)
    match entry:
        case MovedEndpoint():
            values = _endpoint_values(entry)
        case ApiKey():
            values["hash"] = entry.hash.hex()
        case Relation():
            values = {name: values[name] for name in ("account", "company", "star", "data")}
        case Account():
            del values["version"]
        case _:
            pass
    return msgspec.convert({**values, "kind": kind_of(entry)}, EntryLine)


def entry_of(line: EntryLine) -> MovedEntry:
    """What it says. Raises ValueError: a field has a value that this version does not know."""
    if isinstance(line, EndpointLine):
        return _endpoint(line)
    values = msgspec.structs.asdict(line)
    if isinstance(line, KeyLine):
        values["hash"] = _hash_in(line.hash)
    elif isinstance(line, AccountLine):
        check_chosen_id(line.id, field="id")
    return _MADE_OF[type(line)](**values)


def _endpoint_values(moved: MovedEndpoint) -> dict[str, Any]:
    values = {**fields_of_endpoint(moved.endpoint), "own_topic": moved.has_own_topic}
    for of_its_installation in ("topic", "moved_from", "moved_at"):
        del values[of_its_installation]
    return msgspec.to_builtins(values)


def _endpoint(line: EndpointLine) -> MovedEndpoint:
    check_chosen_id(line.id, field="id")
    values: dict[str, Any] = msgspec.to_builtins(line)
    del values["kind"]
    has_own_topic = values.pop("own_topic")
    sealed = None if line.sealed is None else b64decode(line.sealed, validate=True)
    its = {**values, "topic": "", "moved_from": None, "moved_at": 0, "sealed": sealed}
    return MovedEndpoint(endpoint_of(its, version=0), has_own_topic)


def _hash_in(text: str) -> bytes:
    found = bytes.fromhex(text)
    if len(found) != _HASH_BYTES:
        raise ValueError(f"hash: {len(found)} bytes where SHA-256 has {_HASH_BYTES}")
    return found


def _values(entry: MovedEntry) -> dict[str, Any]:
    return {field.name: getattr(entry, field.name) for field in fields(entry)}


_MADE_OF: Final[Mapping[type[EntryLine], Callable[..., MovedEntry]]] = {
    AccountLine: Account,
    RelationLine: Relation,
    KeyLine: ApiKey,
    ProfileLine: StoredProfile,
    EventTypeLine: EventType,
    OperatorLine: Operator,
}
