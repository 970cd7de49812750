"""Whether this router's tables are as far as an event wants them: what was answered holds.

An event that the API accepted says how far the tables were by then, and is routed once ours are.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pipeline.domain.table_positions import POSITIONS_HEADER, read_positions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipeline.flow import Record

log = logging.getLogger(__name__)


class TableGate:
    """Records without the header, or with one that cannot be read, pass at once."""

    def __init__(self, positions: Callable[[], Mapping[str, int]]) -> None:
        self._positions = positions
        self._passed: bytes | None = None
        """The last header that was reached: most that follow are the same."""
        self._disbelieved: dict[str, int] = {}
        """By table the least position that did not come; it is not waited for again, nor is what
        lies beyond, until the table is there."""

    def admits(self, record: Record) -> bool:
        """Whether the tables are there."""
        value = _header(record)
        if value is None or value == self._passed:
            return True
        if self._missing(value):
            return False
        if not self._disbelieved:
            self._passed = value
        return True

    def give_up(self, record: Record) -> bool:
        """It has waited long enough: its positions are none that a table here will ever have.

        So it is where tables were made anew, or a producer wrote the header himself.
        """
        missing = self._missing(_header(record) or b"")
        for name, position in missing.items():
            least = self._disbelieved.get(name, position)
            self._disbelieved[name] = min(least, position)
        if missing:
            log.warning(
                "%s[%d] at %d waited for tables that do not come (%s), and is routed without",
                record.partition.topic,
                record.partition.number,
                record.offset,
                ", ".join(f"{name} up to {position}" for name, position in missing.items()),
            )
        return bool(missing)

    def _missing(self, value: bytes) -> dict[str, int]:
        """Tables that are not as far, and the positions that are waited for."""
        try:
            wanted = read_positions(value)
        except ValueError:
            return {}
        positions = self._positions()
        missing: dict[str, int] = {}
        for name, position in wanted.items():
            reached = positions.get(name)
            if reached is None or position <= reached:
                continue
            least = self._disbelieved.get(name)
            if least is not None and reached >= least:
                del self._disbelieved[name]
                least = None
            if least is None or position < least:
                missing[name] = position
        return missing


def _header(record: Record) -> bytes | None:
    for name, value in record.headers or ():
        if name == POSITIONS_HEADER:
            return value
    return None
