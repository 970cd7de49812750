"""What an event must be like, whoever brings it: the API, a producer in Kafka, a replay."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from pipeline.domain.event import Event
from pipeline.domain.event_values import MAX_DATA_BYTES
from pipeline.domain.identifiers import InvalidIdentifier, check_event_id
from pipeline.domain.rfc3339 import InvalidTime, check_time_us

EVERY_ACCOUNT: Final = "*"
"""Instead of an account: the event goes to every account that it concerns."""
MAX_TYPE_CHARS: Final = 128
MAX_SUBJECT_CHARS: Final = 1024
MAX_METADATA_ENTRIES: Final = 64
MAX_METADATA_NAME_CHARS: Final = 128
MAX_METADATA_CHARS: Final = 16_384
"""Names and values together."""

_PLAIN_ID_CHARS: Final = 256
_TYPE: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}", re.ASCII)
_ACCOUNT: Final = re.compile(r"[A-Za-z0-9_-]{1,64}|\*", re.ASCII)
_CONTROL_OR_SURROGATE: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_ANY_JSON: Final = msgspec.json.Decoder(msgspec.Raw)


class RefusedEvent(ValueError):
    """An event cannot be taken; `member` says where, `problem` why and what to do."""

    def __init__(self, member: str, problem: str) -> None:
        super().__init__(f"{member}: {problem}")
        self.member = member
        self.problem = problem


class OversizeEvent(RefusedEvent):
    """Its data is longer than `MAX_DATA_BYTES`."""


def check_members(event: Event) -> None:
    """Checks all but what the data contains, for which there is `check_data`.

    Raises:
        RefusedEvent: the first member that is not as it must be.
        OversizeEvent: the data has more than 1 MiB.
    """
    _check_id(event.id)
    if not _TYPE.fullmatch(event.type):
        raise RefusedEvent("type", f"use 1-{MAX_TYPE_CHARS} of A-Z, a-z, 0-9, _, - and .")
    if not _ACCOUNT.fullmatch(event.account):
        raise RefusedEvent("account", "use an account's id, or * for every account it concerns")
    if event.subject is not None:
        _check_subject(event.subject)
    try:
        check_time_us(event.time_us)
    except InvalidTime as exc:
        raise RefusedEvent("time", str(exc)) from exc
    if event.metadata:
        _check_metadata(event.metadata)
    if len(event.data) > MAX_DATA_BYTES:
        raise OversizeEvent("data", f"{len(event.data)} bytes: at most {MAX_DATA_BYTES} are taken")


def check_data(data: bytes) -> None:
    """Raises RefusedEvent unless it is one JSON value in UTF-8.

    How deep it is nested is looked at when it is rendered.
    """
    try:
        data.decode()  # msgspec passes over text without looking at it
        _ANY_JSON.decode(data)
    except UnicodeDecodeError as exc:
        raise RefusedEvent("data", f"byte {exc.start} is not UTF-8") from exc
    except msgspec.DecodeError as exc:
        raise RefusedEvent("data", str(exc)) from exc
    except RecursionError as exc:
        raise RefusedEvent("data", "nested too deep") from exc


def _check_id(text: str) -> None:
    if text.isprintable() and 0 < len(text) <= _PLAIN_ID_CHARS:
        return
    try:
        check_event_id(text, field="it")
    except InvalidIdentifier as exc:
        raise RefusedEvent("id", str(exc)) from exc


def _check_subject(subject: str) -> None:
    if not 0 < len(subject) <= MAX_SUBJECT_CHARS:
        raise RefusedEvent("subject", f"use 1-{MAX_SUBJECT_CHARS} characters, or leave it out")
    if not subject.isprintable() and (bad := _CONTROL_OR_SURROGATE.search(subject)):
        raise RefusedEvent("subject", f"contains {bad[0]!a}: leave out control characters")


def _check_metadata(metadata: dict[str, str]) -> None:
    if len(metadata) > MAX_METADATA_ENTRIES:
        raise RefusedEvent("metadata", f"{len(metadata)} entries: at most {MAX_METADATA_ENTRIES}")
    if sum(map(len, metadata)) + sum(map(len, metadata.values())) > MAX_METADATA_CHARS:
        raise RefusedEvent("metadata", f"use at most {MAX_METADATA_CHARS} characters altogether")
    for name in metadata:
        if not 0 < len(name) <= MAX_METADATA_NAME_CHARS or _CONTROL_OR_SURROGATE.search(name):
            raise RefusedEvent(
                "metadata",
                f"names have 1-{MAX_METADATA_NAME_CHARS} characters, no control characters",
            )
