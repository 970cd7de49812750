"""What stands beside a committed offset: how its owner stood when it committed.

An orderly end leaves nothing but the stage's own note. After a death the next owner learns from it
what was finished beyond the offset, since when it cannot know, and whom to suspect.
"""

from __future__ import annotations

import zlib
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from typing import TYPE_CHECKING, Final

import msgspec

from pipeline.domain.caution import NONE, Caution

if TYPE_CHECKING:
    from collections.abc import Iterable

BEYOND_OFFSETS: Final = 16_000
"""How far beyond the committed offset finished records are told."""
MOST_CHARS: Final = 3_000
"""Of the text that tells them; the brokers take 4,096 bytes in all."""


class CommitNote(msgspec.Struct, frozen=True, omit_defaults=True):
    """Of one partition."""

    stage: str = ""
    """The stage's own, for whoever owns the partition next."""
    is_running: bool = False
    """Records were under way."""
    at_ms: int = 0
    """When it was written, while running: what was finished later is not in it."""
    base: int = 0
    beyond: str = ""
    """Finished offsets above `base`, as `write_beyond` tells them."""
    caution: Caution = NONE


NO_NOTE: Final = CommitNote()
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(CommitNote)


def write_note(note: CommitNote) -> str:
    """As commit metadata; empty where there is nothing to say."""
    return "" if note == NO_NOTE else _encoder.encode(note).decode()


def read_note(metadata: str) -> CommitNote:
    """Nothing is known where the text is not ours."""
    try:
        return _decoder.decode(metadata) if metadata else NO_NOTE
    except msgspec.MsgspecError:
        return NO_NOTE


def write_beyond(base: int, finished: Iterable[int]) -> str:
    """Which of the offsets above `base` are finished, as far as there is room."""
    steps = [offset - base for offset in finished if 0 < offset - base < BEYOND_OFFSETS]
    if not steps:
        return ""
    bits = bytearray(max(steps) // 8 + 1)
    for step in steps:
        bits[step >> 3] |= 1 << (step & 7)
    text = _packed(bits)
    while len(text) > MOST_CHARS:
        del bits[len(bits) * 3 // 4 :]
        text = _packed(bits)
    return text


def read_beyond(note: CommitNote) -> frozenset[int]:
    """The offsets that were finished beyond the committed one; none where the text is not ours."""
    try:
        bits = _unpacked(note.beyond)
    except (NotBase64, ValueError, zlib.error):
        return frozenset()
    return frozenset(
        note.base + 8 * index + bit
        for index, eight in enumerate(bits)
        if eight
        for bit in range(8)
        if eight >> bit & 1
    )


_SHORT_BYTES: Final = 96
"""So few are not worth packing."""
_PACKED: Final = ":"
"""In front of what is packed; no digit of base 64."""


def _packed(bits: bytearray) -> str:
    if len(bits) <= _SHORT_BYTES:
        return b64encode(bits).decode()
    return _PACKED + b64encode(zlib.compress(bits, 1)).decode()


def _unpacked(text: str) -> bytes:
    if not text.startswith(_PACKED):
        return b64decode(text, validate=True)
    packed = b64decode(text.removeprefix(_PACKED), validate=True)
    return zlib.decompressobj().decompress(packed, BEYOND_OFFSETS // 8)
