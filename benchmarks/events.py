"""The events that are published: JSON data of an exact size, as producers would write them."""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import StrEnum
from typing import Final, NamedTuple

from pipeline.adapters.kafka.codec import RecordCodec
from pipeline.domain.event import Event
from pipeline.domain.event_document import event_key

KIB: Final = 1_024
EVENT_TYPE: Final = "invoice.paid"
_SUBJECTS: Final = 1_000
_TIME: Final = "2026-03-02T11:00:00Z"
_TIME_US: Final = 1_772_449_200_000_000
_LINE: Final = {"product": "Standing desk, oak", "quantity": 2, "unit_price": 489.5}
_FILLING: Final = "Delivered with care. "
_DIGITS: Final = 12


class EventFormat(StrEnum):
    """How producers write events."""

    JSON = "json"
    AVRO = "avro"


class SourceRecord(NamedTuple):
    """A record of the source topic."""

    key: bytes
    value: bytes
    headers: list[tuple[str, str | bytes | None]] | None = None


EncodeEvent = Callable[[Event], bytes]


class DataTemplate:
    """JSON of exactly so many bytes, at least 512, that has the event's number in it.

    Written once; an event costs a copy of it, so that who publishes a million of them need not
    hold them.
    """

    def __init__(self, size_bytes: int) -> None:
        document = {
            "number": "NUMBER",
            "id": "inv_NUMBER",
            "currency": "EUR",
            "total": 2937.0,
            "customer": {"name": "Zoë Ångström", "email": "z@example.com", "vat": "NL01234567B01"},
            "lines": [{**_LINE, "position": position} for position in range(1, 4)],
            "note": "",
        }
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        padded, zeroed = f"%{_DIGITS}d", f"%0{_DIGITS}d"  # JSON allows blanks before a number
        text = text.replace('"NUMBER"', padded, 1).replace("NUMBER", zeroed, 1)
        missing = size_bytes - len(text.encode() % (0, 0))
        assert missing >= 0, f"{size_bytes} bytes: the smallest event is {-missing} bytes larger"
        filling = (_FILLING * (missing // len(_FILLING) + 1))[:missing]
        self._template = (text[:-2] + filling + text[-2:]).encode()

    def __call__(self, number: int) -> bytes:
        return self._template % (number, number)


def source_record(
    number: int, account: str, *, run: str, event_data: DataTemplate, encode: EncodeEvent
) -> SourceRecord:
    """Event `number` of a run; a thousand subjects spread each account over all partitions."""
    subject = f"customer/{number % _SUBJECTS}"
    event = Event(
        id=event_id(run, number),
        type=EVENT_TYPE,
        account=account,
        time_us=_TIME_US,
        data=event_data(number),
        subject=subject,
    )
    return SourceRecord(event_key(account, subject), encode(event))


def event_id(run: str, number: int) -> str:
    return f"evt_{run}_{number:010d}"


def event_number(found_id: str) -> int:
    """The number of the event that has this id."""
    return int(found_id.rpartition("_")[2])


def event_encoder(event_format: EventFormat, codec: RecordCodec) -> EncodeEvent:
    """What writes events in a format."""
    return codec.encode_event if event_format is EventFormat.AVRO else _envelope


_ENVELOPE: Final = b'{"id":"%b","account":"%b","type":"%b","time":"%b","subject":"%b","data":%b}'


def _envelope(event: Event) -> bytes:
    # None of these has a character that JSON escapes.
    return _ENVELOPE % (
        event.id.encode(),
        event.account.encode(),
        event.type.encode(),
        _TIME.encode(),
        (event.subject or "").encode(),
        event.data,
    )
