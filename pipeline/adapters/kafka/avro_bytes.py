"""Avro's binary encoding of single values: what the compiled encoders and decoders are made of.

Readers take the record and a position and answer the value and the position after it. On bytes
that are not Avro they raise IndexError, ValueError or struct.error, and nothing else.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Final

_SEVEN_BITS: Final = range(128)
# Two bytes at a time: a microsecond timestamp takes four steps instead of eight.
_CONTINUED_PAIRS: Final = tuple(bytes((a | 128, b | 128)) for b in _SEVEN_BITS for a in _SEVEN_BITS)
_LAST_PAIRS: Final = tuple(
    bytes((a | 128, b)) if b else bytes((a,)) for b in _SEVEN_BITS for a in _SEVEN_BITS
)
_PAIR: Final = 1 << 14
_LEAST_AT_ONCE: Final = 1 << 41
_TOO_LARGE_AT_ONCE: Final = 1 << 55

SHORT: Final = _LAST_PAIRS[::2]
"""The encoding of 0, 1, 2, ... 8191: the lengths of all but bodies."""

_CONTINUATIONS_OF_EIGHT: Final = 0x8080808080808080
_EIGHT_BYTES: Final = 0x0080808080808080
_CONTINUATIONS_OF_SIX: Final = 0x808080808080
_SIX_BYTES: Final = 0x008080808080
_LONGEST_VARINT_BYTES: Final = 10
_LONG_BITS: Final = 64
_LARGEST_INT: Final = (1 << 31) - 1

_from_bytes: Final = int.from_bytes

pack_float: Final[Callable[[float], bytes]] = struct.Struct("<f").pack
pack_double: Final[Callable[[float], bytes]] = struct.Struct("<d").pack
unpack_float: Final[Callable[[bytes, int], tuple[float]]] = struct.Struct("<f").unpack_from
unpack_double: Final[Callable[[bytes, int], tuple[float]]] = struct.Struct("<d").unpack_from


def write_long(number: int) -> bytes:
    """An `int` or `long`: zigzag, seven bits a byte, the lowest first."""
    if 0 <= number < len(SHORT):
        return SHORT[number]
    rest = (number << 1) ^ (number >> 63)
    if not 0 <= rest < 1 << _LONG_BITS:
        raise ValueError(f"{number} does not fit into 64 bits")
    encoded = b""
    while rest >= _PAIR:
        encoded += _CONTINUED_PAIRS[rest % _PAIR]
        rest //= _PAIR
    return encoded + _LAST_PAIRS[rest]


def write_microseconds(number: int) -> bytes:
    """A `long`, written at once where it takes seven or eight bytes: a time of 1970 to 3111."""
    if not _LEAST_AT_ONCE <= number < _TOO_LARGE_AT_ONCE:
        return write_long(number)
    rest = number << 1
    return (
        _CONTINUED_PAIRS[rest % _PAIR]
        + _CONTINUED_PAIRS[(rest >> 14) % _PAIR]
        + _CONTINUED_PAIRS[(rest >> 28) % _PAIR]
        + _LAST_PAIRS[rest >> 42]
    )


def write_string(text: str) -> bytes:
    encoded = text.encode()
    return write_long(len(encoded)) + encoded


def write_bytes(content: bytes) -> bytes:
    return write_long(len(content)) + content


def write_array(items: Sequence[bytes]) -> bytes:
    """Items that are encoded already."""
    return write_long(len(items)) + b"".join(items) + b"\0" if items else b"\0"


def write_map(entries: Iterable[tuple[str, bytes]]) -> bytes:
    """Values that are encoded already."""
    return write_array([write_string(name) + value for name, value in entries])


def read_long(record: bytes, at: int) -> tuple[int, int]:
    """Offsets and versions take two to four bytes, so those are not looped over."""
    number = record[at]
    if number >= 1 << 7:
        number += (record[at + 1] << 7) - (1 << 7)
        if number >= 1 << 14:
            number += (record[at + 2] << 14) - (1 << 14)
            if number >= 1 << 21:
                return _read_long_slowly(record, at)
            at += 1
        at += 1
    return (number >> 1) ^ -(number & 1), at + 1


def read_microseconds(record: bytes, at: int) -> tuple[int, int]:
    """A `long`, read at once where it has eight bytes, as microseconds of 1979 to 3111 have."""
    word = _from_bytes(record[at : at + 8], "little")
    if word & _CONTINUATIONS_OF_EIGHT != _EIGHT_BYTES:
        return _read_long_slowly(record, at)
    return _joined(word), at + 8


def read_milliseconds(record: bytes, at: int) -> tuple[int, int]:
    """A `long`, read at once where it has six bytes, as milliseconds of 1970 to 2039 have."""
    word = _from_bytes(record[at : at + 6], "little")
    if word & _CONTINUATIONS_OF_SIX != _SIX_BYTES:
        return _read_long_slowly(record, at)
    return _joined(word), at + 6


def _joined(word: int) -> int:
    """The number of up to eight bytes: eight times seven bits, four times fourteen, twice 28.

    Of a record that ends too early this makes a number as well, but the position then lies beyond
    its end.
    """
    word = (word & 0x007F007F007F007F) | ((word & 0x7F007F007F007F00) >> 1)
    word = (word & 0x00003FFF00003FFF) | ((word & 0x3FFF00003FFF0000) >> 2)
    word = (word & 0x000000000FFFFFFF) | ((word & 0x0FFFFFFF00000000) >> 4)
    return (word >> 1) ^ -(word & 1)


def _read_long_slowly(record: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    for end in range(at, at + _LONGEST_VARINT_BYTES):
        byte = record[end]
        number |= (byte & 127) << shift
        if byte < 128:  # noqa: PLR2004 - the continuation bit
            if number >> _LONG_BITS:
                raise ValueError("a number of more than 64 bits")
            return (number >> 1) ^ -(number & 1), end + 1
        shift += 7
    raise ValueError("a number of more than ten bytes")


def read_int(record: bytes, at: int) -> tuple[int, int]:
    number, at = read_long(record, at)
    if not -_LARGEST_INT - 1 <= number <= _LARGEST_INT:
        raise ValueError("a number of more than 32 bits")
    return number, at


def read_length(record: bytes, at: int) -> tuple[int, int]:
    """How many bytes follow; a claim of more than are there is refused before it costs anything."""
    length, at = read_long(record, at)
    if not 0 <= length <= len(record) - at:
        raise ValueError(f"{length} bytes where {len(record) - at} are left")
    return length, at


def read_count(record: bytes, at: int) -> tuple[int, int]:
    """How many items follow in this block of an array or a map; 0 ends it.

    No item of ours takes less than a byte, so more than there are bytes left cannot be true.
    """
    count, at = read_long(record, at)
    if count < 0:
        count = -count
        _, at = read_long(record, at)
    if count > len(record) - at:
        raise ValueError(f"{count} items where {len(record) - at} bytes are left")
    return count, at
