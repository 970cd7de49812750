"""An event in JSON, `{account, type, data, id?, time?, subject?, metadata?}`, all of it checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from pipeline.domain.document import DocumentError, Fields, members_of, text_of
from pipeline.domain.event import Event
from pipeline.domain.event_rules import RefusedEvent, check_data, check_members
from pipeline.domain.rfc3339 import InvalidTime, time_us_of

EVENT_FIELDS: Final = ("account", "type", "data", "id", "time", "subject", "metadata")

_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_DATA: Final = "data"
_US_PER_MS: Final = 1_000


class EventDocument(NamedTuple):
    """An event that may be published, and the JSON to publish."""

    event: Event
    json: bytes


def read_event_document(document: bytes, *, new_id: str, now_ms: int) -> EventDocument:
    """The event in a JSON text, with `new_id` and the time `now_ms` where it brings none.

    Raises:
        DocumentError: it is no event; `pointer` says which member, `text` why and what to write.
    """
    raw = _raw_members(document)
    fields = Fields(_read_members(raw), "", known=EVENT_FIELDS)
    if _DATA not in raw:
        raise DocumentError(fields.at(_DATA), "missing: give a value, any JSON")
    data = bytes(raw[_DATA])
    time_us = fields.optional("time", _time_us)
    event = Event(
        id=fields.text("id", new_id),
        type=fields.text("type"),
        account=fields.text("account"),
        time_us=now_ms * _US_PER_MS if time_us is None else time_us,
        data=data,
        subject=fields.optional("subject", text_of),
        metadata=fields.optional("metadata", _metadata) or {},
    )
    try:
        check_members(event)
        check_data(data)
    except RefusedEvent as exc:
        raise DocumentError(f"/{exc.member}", exc.problem) from exc
    return EventDocument(event, _written(event, fields))


EventKey = Callable[[str, str | None], bytes]
"""Of an account's id and an event's subject: the key of its record. A partition keeps its order."""


class KeptInOrder(StrEnum):
    """Which events are routed in the order in which they came."""

    SUBJECT = "subject"
    ACCOUNT = "account"


def event_key(account: str, subject: str | None) -> bytes:
    """What concerns one subject stays in order.

    An account's id has no `/`, so no other pair gives the same key.
    """
    return (account if subject is None else f"{account}/{subject}").encode()


def account_key(account: str, _: str | None) -> bytes:
    """All of an account stays in order; one account then is never on two partitions."""
    return account.encode()


EVENT_KEYS: Final[Mapping[KeptInOrder, EventKey]] = {
    KeptInOrder.SUBJECT: event_key,
    KeptInOrder.ACCOUNT: account_key,
}


def _raw_members(document: bytes) -> dict[str, msgspec.Raw]:
    try:
        document.decode()  # msgspec passes over the data without looking at its text
        return _MEMBERS.decode(document)
    except UnicodeDecodeError as exc:
        raise DocumentError("", f"byte {exc.start} is not UTF-8") from exc
    except msgspec.ValidationError as exc:
        raise DocumentError("", "not an object: write an event as {...}") from exc
    except msgspec.DecodeError as exc:
        raise DocumentError("", f"not JSON: {exc}") from exc
    except RecursionError as exc:
        raise DocumentError("", "nested too deep") from exc


def _read_members(raw: dict[str, msgspec.Raw]) -> dict[str, object]:
    """All but the data, which stays as it is; what is not known is refused unread."""
    return {
        name: None if name == _DATA or name not in EVENT_FIELDS else msgspec.json.decode(value)
        for name, value in raw.items()
    }


def _time_us(value: object, pointer: str) -> int:
    try:
        return time_us_of(text_of(value, pointer))
    except InvalidTime as exc:
        raise DocumentError(pointer, str(exc)) from exc


def _metadata(value: object, pointer: str) -> dict[str, str]:
    members = members_of(value, pointer)
    return {name: text_of(one, f"{pointer}/{name}") for name, one in members.items()}


def _written(event: Event, fields: Fields) -> bytes:
    members: dict[str, object] = {"id": event.id, "account": event.account, "type": event.type}
    members.update(
        {name: fields.value(name) for name in ("time", "subject", "metadata") if name in fields}
    )
    return msgspec.json.encode({**members, _DATA: msgspec.Raw(event.data)})
