"""Kafka's topic settings as topics.yaml writes them: checked, and in Kafka's own form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from pipeline.domain.document import (
    DocumentError,
    below,
    duration_of,
    members_of,
    nearest,
    shown,
)

UNLIMITED: Final = "-1"

_UNITS: Final = {"": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_SIZE: Final = re.compile(r"([0-9]{1,15}) ?(|B|KiB|MiB|GiB|TiB)", re.ASCII)
_MAX_BYTES: Final = (1 << 63) - 1

_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "cleanup.policy": ("delete", "compact", "compact,delete"),
    "compression.type": ("producer", "uncompressed", "gzip", "snappy", "lz4", "zstd"),
    "message.timestamp.type": ("LogAppendTime", "CreateTime"),
    "preallocate": ("false", "true"),
    "remote.storage.enable": ("false", "true"),
    "unclean.leader.election.enable": ("false", "true"),
}
_WHOLE: Final = ("flush.messages", "min.insync.replicas")
_SHARES: Final = ("min.cleanable.dirty.ratio",)
_DURATIONS: Final = (
    "delete.retention.ms",
    "file.delete.delay.ms",
    "flush.ms",
    "local.retention.ms",
    "max.compaction.lag.ms",
    "min.compaction.lag.ms",
    "retention.ms",
    "segment.jitter.ms",
    "segment.ms",
)
_SIZES: Final = (
    "index.interval.bytes",
    "local.retention.bytes",
    "max.message.bytes",
    "retention.bytes",
    "segment.bytes",
    "segment.index.bytes",
)
_MAY_BE_UNLIMITED: Final = ("retention.ms", "retention.bytes")
_KNOWN: Final = sorted((*_CHOICES, *_WHOLE, *_SHARES, *_DURATIONS, *_SIZES))


def config_of(value: object, pointer: str) -> dict[str, str]:
    """A topic's `config` as Kafka takes it.

    Raises:
        DocumentError: a setting is not Kafka's, or its value is not one that it takes.
    """
    return {
        name: _setting_of(name, setting, below(pointer, name))
        for name, setting in members_of(value, pointer).items()
    }


def _setting_of(name: str, value: object, pointer: str) -> str:
    if name in _MAY_BE_UNLIMITED and (value == "unlimited" or value == int(UNLIMITED)):
        return UNLIMITED
    if name in _DURATIONS:
        return str(duration_of(value, pointer))
    if name in _SIZES:
        return str(_size_of(value, pointer))
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if name in _CHOICES:
        if text not in _CHOICES[name]:
            raise DocumentError(pointer, f"{shown(value)}: {nearest(text, _CHOICES[name])}")
        return text
    if name in _WHOLE or name in _SHARES:
        return _number_of(name, value, pointer)
    raise DocumentError(pointer, f"not a setting of Kafka's topics: {nearest(name, _KNOWN)}")


def _number_of(name: str, value: object, pointer: str) -> str:
    wanted = int if name in _WHOLE else int | float
    if isinstance(value, bool) or not isinstance(value, wanted) or value < 0:
        raise DocumentError(
            pointer, f"{shown(value)}: give a number" + (", whole" if name in _WHOLE else "")
        )
    return str(value)


def _size_of(value: object, pointer: str) -> int:
    match = None if isinstance(value, bool) else _SIZE.fullmatch(str(value))
    if match is None:
        raise DocumentError(pointer, f"{shown(value)}: give a size, such as 64MiB or 512KiB")
    size_bytes = int(match[1]) * _UNITS[match[2]]
    if size_bytes > _MAX_BYTES:
        raise DocumentError(pointer, f"{shown(value)}: too large")
    return size_bytes
