"""How far the tables were when an event was accepted: the header `tables` of its record.

`accounts=12,endpoints=33`: for each table, without the topics' prefix, the offset after the last
record that was known. Whoever routes the event waits until its own tables are as far.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

POSITIONS_HEADER: Final = "tables"

_MOST_BYTES: Final = 512
_MOST_OFFSET: Final = 2**63 - 1
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_ENTRY: Final = re.compile(r"([a-z][a-z0-9_-]{0,63})=(0|[1-9][0-9]{0,18})", re.ASCII)


def write_positions(positions: Mapping[str, int]) -> bytes:
    """The header's value. Raises ValueError: `read_positions` would not read it."""
    for name, position in positions.items():
        if _NAME.fullmatch(name) is None:
            raise ValueError(f"{name!r} is no name of a table")
        if not 0 <= position <= _MOST_OFFSET:
            raise ValueError(f"{name}: {position} is no position of a table")
    value = ",".join(f"{name}={positions[name]}" for name in sorted(positions)).encode()
    if len(value) > _MOST_BYTES:
        raise ValueError(f"{len(positions)} tables are too many for a header")
    return value


def read_positions(value: bytes) -> dict[str, int]:
    """The positions by the tables' names. Raises ValueError: nobody wrote it with this module."""
    if len(value) > _MOST_BYTES:
        raise ValueError(f"{len(value)} bytes are too long; at most {_MOST_BYTES}")
    if not value:
        return {}
    positions: dict[str, int] = {}
    for entry in value.decode("ascii", "backslashreplace").split(","):
        found = _ENTRY.fullmatch(entry)
        if found is None:
            raise ValueError(f"{entry!r} is no table and its position, like accounts=12")
        name, position = found[1], int(found[2])
        if position > _MOST_OFFSET:
            raise ValueError(f"{name}: {position} is no position of a table")
        if name in positions:
            raise ValueError(f"{name} has two positions")
        positions[name] = position
    return positions
