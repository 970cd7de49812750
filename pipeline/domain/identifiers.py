"""Identifiers: those derived from what they name, our own ULIDs, and the rules for others' ids.

A derived id is the same whoever computes it and however often: a router that repeats an event, or a
redrive that is run twice, repeats the id, and receivers and the store recognise the repetition.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Final

_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# 32 divides 256, so taking a hash's byte modulo 32 leaves every character equally likely.
_CHARACTER_OF_BYTE: Final = bytes(ord(_CROCKFORD[byte % 32]) for byte in range(256))
# 26 characters are 130 bits and a ULID has 128: its first character is one of 0-7.
_FIRST_CHARACTER_OF_BYTE: Final = tuple(_CROCKFORD[byte % 8].encode() for byte in range(256))
_ULID_CHARS: Final = 26
# Never updated, only copied: that takes half the time of making one with its parameters.
_NOTHING_HASHED: Final = blake2b(digest_size=_ULID_CHARS)
_CAUSED_BY_EVENT: Final = b"\0event\0"
_ENTROPY_BYTES: Final = 10
_MAX_ULID_TIME_MS: Final = 2**48 - 1

_CHOSEN_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_MAX_CHOSEN_ID_CHARS: Final = 64
_MAX_EVENT_ID_CHARS: Final = 256
_CONTROL_OR_SURROGATE: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class InvalidIdentifier(ValueError):
    """An id that somebody else chose cannot be taken; the message names the field and the fix."""


def webhook_id(event_id: str, *, endpoint: str) -> str:
    """The id that receivers see and dedupe by: `msg_` and 128 bits of a hash, never with a `.`.

    The same over attempts, router repeats, redrives, replays and trigger-again.
    """
    # No endpoint id contains a NUL, so no other pair gives the same text.
    return "msg_" + _hash_text(f"{endpoint}\0{event_id}")


def renewed_webhook_id(event_id: str, *, endpoint: str, replay: str) -> str:
    """The id for a replay that asked for new ones: another for each replay, the same within it."""
    # The NUL in front, and none in ids of endpoints and replays, keep these apart from the others.
    return "msg_" + _hash_text(f"\0{endpoint}\0{replay}\0{event_id}")


def delivery_id(webhook: str, *, cause: str, cause_id: str | None) -> str:
    """The id of our row for a delivery: `dlv_` and 128 bits of a hash.

    `cause_id` is that of the trigger, replay or redrive; None for a delivery its event caused.
    """
    return "dlv_" + _hash_text(f"{webhook}\0{cause}\0{cause_id or ''}")


def ids_of_new_delivery(event_id: bytes, *, endpoint: bytes) -> tuple[bytes, bytes]:
    """The `webhook_id` and the `delivery_id` of what an event caused, encoded."""
    webhook = b"msg_" + _hash(b"%b\0%b" % (endpoint, event_id))
    return webhook, b"dlv_" + _hash(webhook + _CAUSED_BY_EVENT)


def new_id(prefix: str, *, now_ms: int, entropy: bytes) -> str:
    """A prefixed ULID (`evt_01J...`): ids made later sort later; `entropy` is 10 random bytes."""
    if len(entropy) != _ENTROPY_BYTES or not 0 <= now_ms <= _MAX_ULID_TIME_MS:
        raise ValueError(f"a ULID is made of a 48-bit time and {_ENTROPY_BYTES} bytes of entropy")
    number = now_ms << 80 | int.from_bytes(entropy)
    shifts = range(5 * (_ULID_CHARS - 1), -1, -5)
    return prefix + "_" + "".join(_CROCKFORD[number >> shift & 31] for shift in shifts)


def repeatable_event_id(owner: str, *, key: str, content: bytes, index: int) -> str:
    """The id of an event that brings none and comes with an `Idempotency-Key`: `evt_` and a hash.

    The same whenever the owner repeats the request, even if nobody remembers the first one; another
    one for other content (`content` is its hash) under the same key, so that neither hides the
    other from receivers.
    """
    # The content's hash has a fixed length, and neither an owner nor a key contains a NUL.
    named = b"%b\0%b\0%d\0%b" % (owner.encode(), key.encode(), index, content)
    return "evt_" + _hash(named).decode("ascii")


def repeatable_trigger_id(owner: str, *, key: str, delivery: str) -> str:
    """The id of a trigger that comes with an `Idempotency-Key`: `trg_` and a hash.

    The same whenever the owner repeats it for this delivery.
    """
    # Neither an owner nor a delivery's id contains a NUL.
    return "trg_" + _hash_text(f"{owner}\0{delivery}\0{key}")


def check_chosen_id(text: str, *, field: str) -> str:
    """`text` if it may be the id of an account or endpoint, which clients choose.

    Raises:
        InvalidIdentifier: it is not 1-64 letters, digits, `_` and `-` of ASCII.
    """
    if _CHOSEN_ID.fullmatch(text):
        return text
    if not text:
        raise InvalidIdentifier(f"{field} is empty: use 1-64 of A-Z, a-z, 0-9, _ and -")
    if len(text) > _MAX_CHOSEN_ID_CHARS:
        raise InvalidIdentifier(f"{field} has {len(text)} characters: use at most 64")
    bad = next(character for character in text if not _CHOSEN_ID.fullmatch(character))
    raise InvalidIdentifier(f"{field} contains {bad!a}: use only A-Z, a-z, 0-9, _ and -")


def check_event_id(text: str, *, field: str = "id") -> str:
    """`text` if it may be an event's id, which producers choose.

    Raises:
        InvalidIdentifier: it is not 1-256 characters, or one is a control or half a surrogate pair.
    """
    if not text:
        raise InvalidIdentifier(f"{field} is empty: use 1-256 characters, or leave it out")
    if len(text) > _MAX_EVENT_ID_CHARS:
        raise InvalidIdentifier(f"{field} has {len(text)} characters: use at most 256")
    if bad := _CONTROL_OR_SURROGATE.search(text):
        raise InvalidIdentifier(
            f"{field} contains {bad[0]!a} at character {bad.start() + 1}: "
            "leave out control characters and halves of surrogate pairs"
        )
    return text


def _hash_text(text: str) -> str:
    return _hash(text.encode()).decode("ascii")


def _hash(content: bytes) -> bytes:
    """128 bits of BLAKE2b in the 26 characters of a ULID; they carry no time."""
    state = _NOTHING_HASHED.copy()
    state.update(content)
    digest = state.digest()
    return _FIRST_CHARACTER_OF_BYTE[digest[0]] + digest[1:].translate(_CHARACTER_OF_BYTE)
