"""One record under way.

It is finished when everything that its handling produced was acknowledged.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.engine.ledger import Ledger
    from pipeline.flow import Record


class Ticket:
    """Counts what has to be acknowledged before the record counts as finished.

    It opens with one hold, the handler's own, which `release` gives back. It never finishes by
    itself: a ticket that is not released keeps its offset uncommitted, so a forgotten one costs a
    repeat, never a loss.
    """

    __slots__ = ("_holds", "_settle", "ledger", "record")

    def __init__(self, record: Record, ledger: Ledger, settle: Callable[[Ticket], None]) -> None:
        self.record = record
        self.ledger = ledger
        self._settle = settle
        self._holds = 1

    def settle_with(self, settle: Callable[[Ticket], None]) -> None:
        """Do this, instead of finishing the record, when everything was acknowledged."""
        self._settle = settle

    def settle_after(self, act: Callable[[], None]) -> None:
        """Do this too, first, when everything was acknowledged."""
        settle = self._settle

        def both(ticket: Ticket) -> None:
            act()
            settle(ticket)

        self._settle = both

    def hold(self) -> None:
        """One more thing must be acknowledged first."""
        self._holds += 1

    def release(self) -> None:
        """One thing was acknowledged."""
        self._holds -= 1
        if not self._holds:
            self._settle(self)
