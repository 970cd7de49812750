"""An event made of Python values."""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from datetime import UTC, datetime
from typing import Final, Self, cast

import msgspec

from pipeline.clock import now_ms
from pipeline.domain.document import DocumentError
from pipeline.domain.event import Event as PlainEvent
from pipeline.domain.event_document import read_event_document
from pipeline.domain.event_rules import RefusedEvent, check_data, check_members
from pipeline.domain.identifiers import new_id
from pipeline.domain.rfc3339 import time_text_of

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND_US: Final = 1_000_000
_DAY_SECONDS: Final = 86_400
_ENTROPY_BYTES: Final = 10
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


class InvalidEvent(ValueError):
    """An event cannot be made of these values; `member` says which, `problem` what to give."""

    def __init__(self, member: str, problem: str) -> None:
        super().__init__(f"{member}: {problem}")
        self.member = member
        self.problem = problem


def _made_id() -> str:
    return new_id("evt", now_ms=now_ms(), entropy=secrets.token_bytes(_ENTROPY_BYTES))


def _now() -> datetime:
    return datetime.fromtimestamp(now_ms() / 1000, UTC)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, checked and written as JSON when it is made.

    Publishing it twice publishes one event twice: the id is made here, not by who receives it.
    `data` is whatever JSON can say: dicts, lists, texts, numbers (Decimal keeps its digits), dates,
    UUIDs, dataclasses, msgspec structs; `msgspec.Raw` is JSON text that is passed on as it is.

    Raises:
        InvalidEvent: a value that is refused wherever the event is published.
    """

    account: str
    """Whose endpoints get it; `*`: every account that it concerns."""
    type: str
    data: object = field(repr=False, compare=False)
    _: KW_ONLY
    id: str = field(default_factory=_made_id)
    time: datetime = field(default_factory=_now)
    """When it happened, with a time zone."""
    subject: str | None = None
    """What it is about; the events of one subject stay in order."""
    metadata: Mapping[str, str] = field(default_factory=dict[str, str], repr=False, compare=False)
    plain: PlainEvent = field(init=False, repr=False, hash=False)
    """What is published, made of the rest."""

    def __post_init__(self) -> None:
        for member in ("account", "type", "id"):
            _check_text(member, getattr(self, member))
        if self.subject is not None:
            _check_text("subject", self.subject)
        plain = PlainEvent(
            id=self.id,
            type=self.type,
            account=self.account,
            time_us=_time_us(self.time),
            data=_json_of(self.data),
            subject=self.subject,
            metadata=_texts(self.metadata),
        )
        try:
            check_members(plain)
            check_data(plain.data)
        except RefusedEvent as exc:
            raise InvalidEvent(exc.member, exc.problem) from exc
        object.__setattr__(self, "plain", plain)

    @classmethod
    def from_json(cls, document: bytes | str) -> Self:
        """The event in a JSON text, as `to_json` writes it; numbers in `data` stay as written.

        Raises:
            InvalidEvent: it is none.
        """
        content = document.encode(errors="surrogatepass") if isinstance(document, str) else document
        try:
            found, _ = read_event_document(content, new_id=_made_id(), now_ms=now_ms())
        except DocumentError as exc:
            member = exc.pointer.removeprefix("/") or "event"
            raise InvalidEvent(member, exc.text) from exc
        seconds, micros = divmod(found.time_us, _SECOND_US)
        return cls(
            found.account,
            found.type,
            msgspec.Raw(found.data),
            id=found.id,
            time=datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros),
            subject=found.subject,
            metadata=found.metadata,
        )

    def to_json(self) -> bytes:
        """The event as one JSON object, whole: to be kept, and published later."""
        plain = self.plain
        members: dict[str, object] = {
            "id": plain.id,
            "account": plain.account,
            "type": plain.type,
            "time": time_text_of(plain.time_us),
        }
        if plain.subject is not None:
            members["subject"] = plain.subject
        if plain.metadata:
            members["metadata"] = plain.metadata
        members["data"] = msgspec.Raw(plain.data)
        return _ENCODER.encode(members)


def _check_text(member: str, value: object) -> None:
    if not isinstance(value, str):
        raise InvalidEvent(member, f"give a text, not {_kind(value)}")


def _time_us(time: object) -> int:
    if not isinstance(time, datetime):
        raise InvalidEvent("time", f"give a datetime, not {_kind(time)}")
    if time.tzinfo is None:
        raise InvalidEvent("time", "has no time zone: use datetime.now(timezone.utc)")
    since = time - _EPOCH
    return (since.days * _DAY_SECONDS + since.seconds) * _SECOND_US + since.microseconds


def _json_of(data: object) -> bytes:
    if isinstance(data, bytes | bytearray | memoryview):
        raise InvalidEvent("data", "bytes: give the value itself, or msgspec.Raw(...) of JSON text")
    try:
        content = _ENCODER.encode(data)
        is_number_lost = b"null" in content and _has_no_number(_builtins_of(data))
    except RecursionError as exc:
        raise InvalidEvent("data", "nested too deep") from exc
    except (TypeError, ValueError) as exc:
        raise InvalidEvent("data", f"cannot be written as JSON: {exc}") from exc
    if is_number_lost:
        raise InvalidEvent("data", "contains NaN or an infinity, which JSON has no number for")
    return content


def _builtins_of(data: object) -> object:
    """Dataclasses and structs as dicts; JSON text, which has been written already, as nothing."""
    return msgspec.to_builtins(data, enc_hook=lambda _: None)


def _has_no_number(value: object) -> bool:
    """Whether a float in it is none: msgspec writes those as null."""
    if isinstance(value, float):
        return not math.isfinite(value)
    if isinstance(value, dict):
        return any(map(_has_no_number, cast("dict[object, object]", value).values()))
    if isinstance(value, list | tuple | set | frozenset):
        return any(map(_has_no_number, cast("list[object]", value)))
    return False


def _texts(metadata: Mapping[str, str]) -> dict[str, str]:
    texts = dict(metadata)
    for name, text in texts.items():
        for one in (name, text):
            _check_text("metadata", one)
        try:
            text.encode()
        except UnicodeEncodeError as exc:
            raise InvalidEvent("metadata", f"{name!a} contains half a surrogate pair") from exc
    return texts


def _kind(value: object) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"
