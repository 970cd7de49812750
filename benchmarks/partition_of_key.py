"""Which partition Kafka's murmur2 partitioner gives a key, so that neighbours can be chosen."""

from __future__ import annotations

from typing import Final

_SEED: Final = 0x9747B28C
_FACTOR: Final = 0x5BD1E995
_MASK: Final = 0xFFFFFFFF
_POSITIVE: Final = 0x7FFFFFFF


def partition_of_key(key: bytes, partitions: int) -> int:
    """As Java's producers and librdkafka's `murmur2` choose it."""
    return (_murmur2(key) & _POSITIVE) % partitions


def _murmur2(key: bytes) -> int:
    mixed = (_SEED ^ len(key)) & _MASK
    whole = len(key) // 4 * 4
    for at in range(0, whole, 4):
        word = int.from_bytes(key[at : at + 4], "little") * _FACTOR & _MASK
        word = (word ^ word >> 24) * _FACTOR & _MASK
        mixed = mixed * _FACTOR & _MASK ^ word
    if rest := key[whole:]:
        mixed = (mixed ^ int.from_bytes(rest, "little")) * _FACTOR & _MASK
    mixed = (mixed ^ mixed >> 13) * _FACTOR & _MASK
    return mixed ^ mixed >> 15
