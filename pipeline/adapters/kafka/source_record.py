"""What every format of a source topic takes from the record itself."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from pipeline.domain.event_rules import RefusedEvent
from pipeline.domain.rfc3339 import InvalidTime, time_us_of
from pipeline.flow import Record

_US_PER_MS: Final = 1_000
_MAX_ID_CHARS: Final = 256
_HASH_BYTES: Final = 16


def id_of(record: Record) -> str:
    """The id of an event that brought none: where it lies, the same whenever it is read.

    With its time, for a topic that is deleted and made again begins at offset 0 again.
    """
    partition = record.partition
    return bounded_id(f"{partition.topic}/{partition.number}/{record.offset}@{record.timestamp_ms}")


def bounded_id(text: str) -> str:
    """An id as it is, or a hash of one that would be too long."""
    if len(text) <= _MAX_ID_CHARS:
        return text
    return blake2b(text.encode(), digest_size=_HASH_BYTES).hexdigest()


def written_us(record: Record) -> int:
    """When the record was written; 1970 for one without a time."""
    return max(record.timestamp_ms, 0) * _US_PER_MS


def time_us(text: str) -> int:
    """Raises RefusedEvent: it is no time of RFC 3339."""
    try:
        return time_us_of(text)
    except InvalidTime as exc:
        raise RefusedEvent("time", str(exc)) from exc
