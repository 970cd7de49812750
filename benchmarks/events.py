"""The events that are published: 1 KiB of data each, as producers would write them."""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import StrEnum
from typing import Final, NamedTuple

from pipeline.adapters.kafka.codec import RecordCodec
from pipeline.domain.event import Event
from pipeline.domain.event_document import event_key

DATA_BYTES: Final = 1_024
EVENT_TYPE: Final = "invoice.paid"
_SUBJECTS: Final = 1_000
_TIME: Final = "2026-03-02T11:00:00Z"
_TIME_US: Final = 1_772_449_200_000_000
_LINE: Final = {"product": "Standing desk, oak", "quantity": 2, "unit_price": 489.5}


class EventFormat(StrEnum):
    """How producers write events."""

    JSON = "json"
    AVRO = "avro"


class SourceRecord(NamedTuple):
    """A record of the source topic."""

    key: bytes
    value: bytes


def event_data(number: int) -> bytes:
    """JSON of exactly 1 KiB that has the event's number in it."""
    document = {
        "number": number,
        "id": f"inv_{number:012d}",
        "currency": "EUR",
        "total": 2937.0,
        "customer": {"name": "Zoë Ångström", "email": "zoe@example.com", "vat": "NL001234567B01"},
        "lines": [{**_LINE, "position": position} for position in range(1, 4)],
        "note": "",
    }
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    filling = "Delivered with care. " * (DATA_BYTES // 21)
    return text[:-2] + filling[: DATA_BYTES - len(text)].encode() + text[-2:]


def source_record(
    number: int, account: str, run: str, encode: Callable[[Event], bytes]
) -> SourceRecord:
    """Event `number` of a run; a thousand subjects spread each account over all partitions."""
    subject = f"customer/{number % _SUBJECTS}"
    event = Event(
        id=f"evt_{run}_{number:010d}",
        type=EVENT_TYPE,
        account=account,
        time_us=_TIME_US,
        data=event_data(number),
        subject=subject,
    )
    return SourceRecord(event_key(account, subject), encode(event))


def event_encoder(event_format: EventFormat, codec: RecordCodec) -> Callable[[Event], bytes]:
    """What writes events in a format."""
    return codec.encode_event if event_format is EventFormat.AVRO else _envelope


def _envelope(event: Event) -> bytes:
    members = {
        "id": event.id,
        "account": event.account,
        "type": event.type,
        "time": _TIME,
        "subject": event.subject,
    }
    head = json.dumps(members, separators=(",", ":")).encode()
    return head[:-1] + b',"data":' + event.data + b"}"
