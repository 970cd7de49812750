"""Interventions: what somebody asks for one delivery that waits, and what came of it.

To be tried now, or dropped, a copy of the delivery is called forward: it is written once more to
where its endpoint's owner reads. The copy that waits comes later, and has to be recognised however
much later that is, by whoever owns the endpoint then. So the owner says when it is through with a
delivery that somebody asked something for, and what it says outlives it.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from pipeline.domain.delivery_state import State

EVERY_ATTEMPT: Final = 2**31 - 1
"""No copy of the delivery is tried any more, whatever its attempt."""
HEADER: Final = "intervention"
"""Of a copy that was called forward: where in the table it stands why."""


class Kind(StrEnum):
    """What a record of the table says."""

    RETRY_NOW = "retry_now"
    DROP = "drop"
    DONE = "done"


class Intervention(NamedTuple):
    """A record of the topic `interventions`. The newest of each key holds."""

    delivery: str
    endpoint: str
    kind: str
    attempt: int
    """Retry now: the attempt that is to be made. Done: the last one that nobody makes any more."""
    ended: str | None = None
    """Done: how the delivery ended; None where it goes on."""

    @property
    def key(self) -> bytes:
        return key_of(self.kind, self.delivery)


def key_of(kind: str, delivery_id: str) -> bytes:
    """Each side writes keys of its own, so neither overwrites what the other has just said."""
    return f"{kind}/{delivery_id}".encode()


def done(delivery_id: str, endpoint_id: str, *, attempt: int, state: State | None) -> Intervention:
    """That its owner is through with it up to this attempt; `state` where it has ended."""
    if state is None:
        return Intervention(delivery_id, endpoint_id, Kind.DONE, attempt)
    return Intervention(delivery_id, endpoint_id, Kind.DONE, EVERY_ATTEMPT, state.status)


class Interventions:
    """The table, as its records tell it in order."""

    def __init__(self) -> None:
        self._told: dict[bytes, tuple[Intervention, int, int]] = {}
        """By key, with its offset and when it was appended."""
        self._retries: dict[str, int] = {}
        self._drops: set[str] = set()
        self._done: dict[str, Intervention] = {}
        self.reached = 0
        """The offset before which everything is applied."""

    def apply(self, told: Intervention, *, offset: int, appended_at_ms: int) -> None:
        """A kind that this version does not know says nothing."""
        self.reached = max(self.reached, offset + 1)
        self._told[told.key] = (told, offset, appended_at_ms)
        match told.kind:
            case Kind.RETRY_NOW:
                known = self._retries.get(told.delivery, 0)
                self._retries[told.delivery] = max(known, told.attempt)
            case Kind.DROP:
                self._drops.add(told.delivery)
            case Kind.DONE:
                known_done = self._done.get(told.delivery)
                if known_done is None or known_done.attempt <= told.attempt:
                    self._done[told.delivery] = told
            case _:
                pass

    def forget(self, key: bytes, *, offset: int) -> None:
        """Its record was taken back."""
        self.reached = max(self.reached, offset + 1)
        self._told.pop(key, None)
        kind, _, delivery_id = key.decode(errors="replace").partition("/")
        match kind:
            case Kind.RETRY_NOW:
                self._retries.pop(delivery_id, None)
            case Kind.DROP:
                self._drops.discard(delivery_id)
            case Kind.DONE:
                self._done.pop(delivery_id, None)
            case _:
                pass

    def reach(self, end: int) -> None:
        """Everything before was applied; what was compacted away has no record that would tell."""
        self.reached = max(self.reached, end)

    def is_asked(self, delivery_id: str) -> bool:
        """Whether copies of the delivery may have been called forward."""
        return delivery_id in self._retries or delivery_id in self._drops

    def is_dropped(self, delivery_id: str) -> bool:
        """Whether it is not to be sent any more."""
        return delivery_id in self._drops

    def is_to_be_tried_now(self, delivery_id: str, attempt: int) -> bool:
        """Whether this attempt does not wait for its time."""
        return self._retries.get(delivery_id, 0) >= attempt

    def is_superseded(self, delivery_id: str, attempt: int) -> bool:
        """Whether a copy with this attempt was called forward, and nothing is left to be done."""
        told = self._done.get(delivery_id)
        return told is not None and told.attempt >= attempt

    def outcome(self, delivery_id: str) -> Intervention | None:
        """What its owner said last."""
        return self._done.get(delivery_id)

    def offset_of(self, key: bytes) -> int | None:
        """Where the key's newest record lies; None where there is none."""
        told = self._told.get(key)
        return None if told is None else told[1]

    def older_than(self, time_ms: int) -> Sequence[bytes]:
        """Keys whose newest record was appended before this time."""
        return [key for key, (_, _, at_ms) in self._told.items() if at_ms < time_ms]


def header_of(offset: int) -> tuple[str, bytes]:
    """Beside a copy that is called forward: where the table says why."""
    return HEADER, str(offset).encode()


def called_forward_by(headers: Sequence[tuple[str, bytes | None]]) -> int | None:
    """The offset in the table; None where nobody called the record forward."""
    for name, value in headers:
        if name == HEADER and value is not None and value.isdigit() and len(value) <= _MAX_DIGITS:
            return int(value)
    return None


_MAX_DIGITS: Final = 18
