"""Several gates as one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.flow import Record
    from pipeline.stages.router.table_gate import TableGate


class TablesAndSchemas:
    """Implements `Gate`: tables that do not come are given up after a while, schemas never."""

    def __init__(self, tables: TableGate, has_schema: Callable[[Record], bool]) -> None:
        self._tables = tables
        self._has_schema = has_schema

    def admits(self, record: Record) -> bool:
        # Both are asked, so that what is missing of either is under way.
        has_schema = self._has_schema(record)
        return self._tables.admits(record) and has_schema

    def give_up(self, record: Record) -> bool:
        """Of the tables alone: without its schema the record cannot be read."""
        return self._tables.give_up(record)
