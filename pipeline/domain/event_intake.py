"""Events as the API takes them, many a second: read at once, and again with care if one is wrong.

The first reading knows only whether everything is as it must be; the second one, by
`event_document`, finds out what is wrong, and where.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final

import msgspec

from pipeline.domain.body_problem import BodyProblem, UndecodableBody
from pipeline.domain.document import DocumentError, Fields, below
from pipeline.domain.event import Event
from pipeline.domain.event_document import read_event_document
from pipeline.domain.event_rules import OversizeEvent, RefusedEvent, check_members
from pipeline.domain.event_values import MAX_DATA_BYTES
from pipeline.domain.json_style import JsonStyle, styled
from pipeline.domain.rfc3339 import InvalidTime, time_us_of

MAX_EVENTS: Final = 1_000
"""In one batch."""
MAX_PROBLEMS: Final = 100
"""As many are told of one batch."""

_EVENTS: Final = "events"
_US_PER_MS: Final = 1_000
_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ITEMS: Final = msgspec.json.Decoder(list[msgspec.Raw])

NewId = Callable[[int], str]
"""The id of an event that brings none, by its place in the request."""


class Envelope(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """An event's members, typed and not checked yet."""

    account: str
    type: str
    data: msgspec.Raw
    id: str | None = None
    time: str | None = None
    subject: str | None = None
    metadata: dict[str, str] | None = None


class _Batch(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    events: Annotated[list[Envelope], msgspec.Meta(min_length=1, max_length=MAX_EVENTS)]


_ONE: Final = msgspec.json.Decoder(Envelope)
_MANY: Final = msgspec.json.Decoder(_Batch)

REFUSALS: Final = (
    msgspec.DecodeError,
    RefusedEvent,
    InvalidTime,
    BodyProblem,
    UnicodeDecodeError,
    RecursionError,
)
"""What `envelope_of`, `envelopes_of` and `event_of` raise; the careful readings say it in words."""


class NotJson(ValueError):
    """The request's body is no JSON text in UTF-8; the message says where."""


class EventsRefused(ValueError):
    """What is wrong with the events of a request."""

    def __init__(self, problems: tuple[DocumentError, ...], *, has_oversize: bool) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems
        self.has_oversize = has_oversize
        """An event's data has more than 1 MiB."""


def envelope_of(body: bytes) -> Envelope:
    """The single event of a request. Raises one of `REFUSALS`."""
    return _ONE.decode(body)


def envelopes_of(body: bytes) -> list[Envelope]:
    """The events of a batch. Raises one of `REFUSALS`."""
    return _MANY.decode(body).events


def event_of(envelope: Envelope, index: int, *, new_id: NewId, now_ms: int) -> Event:
    """The event, all of it checked, its data without white space. Raises one of `REFUSALS`."""
    given = bytes(envelope.data)
    if len(given) > MAX_DATA_BYTES:
        raise OversizeEvent("data", _oversize(given))
    event = Event(
        new_id(index) if envelope.id is None else envelope.id,
        envelope.type,
        envelope.account,
        now_ms * _US_PER_MS if envelope.time is None else time_us_of(envelope.time),
        styled(given, JsonStyle.COMPACT),
        envelope.subject,
        envelope.metadata or {},
    )
    check_members(event)
    return event


def carefully_read(body: bytes, *, new_id: NewId, now_ms: int) -> Event:
    """The same event as `event_of` gives, or what is wrong with it.

    Raises:
        NotJson: the body is none.
        EventsRefused: the event cannot be taken.
    """
    _check_json(body)
    try:
        return _event(body, 0, new_id=new_id, now_ms=now_ms)
    except DocumentError as exc:
        raise EventsRefused((exc,), has_oversize=_is_oversize(exc)) from exc


def carefully_read_batch(body: bytes, *, new_id: NewId, now_ms: int) -> list[Event]:
    """The same events as `event_of` gives, or what is wrong with each of them.

    Raises:
        NotJson: the body is none.
        EventsRefused: some cannot be taken, so none is; at most `MAX_PROBLEMS` of them are named.
    """
    _check_json(body)
    events: list[Event] = []
    problems: list[DocumentError] = []
    has_oversize = False
    for index, document in enumerate(_documents(body)):
        try:
            events.append(_event(bytes(document), index, new_id=new_id, now_ms=now_ms))
        except DocumentError as exc:
            has_oversize = has_oversize or _is_oversize(exc)
            problems.append(DocumentError(f"/{_EVENTS}/{index}{exc.pointer}", exc.text))
            if len(problems) == MAX_PROBLEMS:
                break
    if problems:
        raise EventsRefused(tuple(problems), has_oversize=has_oversize)
    return events


def _event(document: bytes, index: int, *, new_id: NewId, now_ms: int) -> Event:
    event = read_event_document(document, new_id=new_id(index), now_ms=now_ms).event
    try:
        return event._replace(data=styled(event.data, JsonStyle.COMPACT))
    except UndecodableBody as exc:
        raise DocumentError("/data", str(exc)) from exc


def _documents(body: bytes) -> list[msgspec.Raw]:
    try:
        members = _MEMBERS.decode(body)
    except msgspec.DecodeError as exc:
        raise _refused("", 'not an object: write {"events": [...]}') from exc
    try:
        fields = Fields(dict.fromkeys(members), "", known=(_EVENTS,))
    except DocumentError as exc:
        raise EventsRefused((exc,), has_oversize=False) from exc
    pointer = below(fields.pointer, _EVENTS)
    if _EVENTS not in members:
        raise _refused(pointer, "missing: give a list of events")
    try:
        documents = _ITEMS.decode(members[_EVENTS])
    except msgspec.DecodeError as exc:
        raise _refused(pointer, "give a list of events") from exc
    if not 1 <= len(documents) <= MAX_EVENTS:
        raise _refused(pointer, f"{len(documents)} events: give 1 to {MAX_EVENTS}")
    return documents


def _refused(pointer: str, text: str) -> EventsRefused:
    return EventsRefused((DocumentError(pointer, text),), has_oversize=False)


def _check_json(body: bytes) -> None:
    try:
        body.decode()
        msgspec.json.format(body, indent=-1)  # looks at every token, where decoding passes over
    except UnicodeDecodeError as exc:
        raise NotJson(f"byte {exc.start} is not UTF-8") from exc
    except msgspec.DecodeError as exc:
        raise NotJson(str(exc)) from exc
    except RecursionError as exc:
        raise _refused("", "nested too deep") from exc


def _is_oversize(exc: DocumentError) -> bool:
    return isinstance(exc.__cause__, OversizeEvent)


def _oversize(data: bytes) -> str:
    return f"{len(data)} bytes: at most {MAX_DATA_BYTES} are taken"
