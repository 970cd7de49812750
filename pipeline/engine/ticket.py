"""One record under way.

It is finished when everything that its handling produced was acknowledged.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from pipeline.engine.ledger import Ledger
    from pipeline.flow import Record

Subject = TypeVar("Subject")


class Ticket:
    """Counts what has to be acknowledged before the record counts as finished.

    It opens with one hold, the handler's own, which `release` gives back. It never finishes by
    itself: a ticket that is not released keeps its offset uncommitted, so a forgotten one costs a
    repeat, never a loss.
    """

    __slots__ = ("_act", "_holds", "_settle", "_subject", "ledger", "record")

    def __init__(self, record: Record, ledger: Ledger, settle: Callable[[Ticket], None]) -> None:
        self.record = record
        self.ledger = ledger
        self._settle = settle
        self._act: Callable[[Any], None] | None = None
        self._subject: object = None
        self._holds = 1

    def settle_with(self, settle: Callable[[Ticket], None]) -> None:
        """Do this, instead of finishing the record, when everything was acknowledged."""
        self._settle = settle

    def settle_after(self, act: Callable[[Subject], None], subject: Subject) -> None:
        """Do this one thing too, first, when everything was acknowledged."""
        self._act = act
        self._subject = subject

    def settle_later(self, act: Callable[[Ticket], None]) -> None:
        """Do this first when everything was acknowledged; what it holds has to be, too."""
        settle = self._settle

        def act_and_settle(ticket: Ticket) -> None:
            self._settle = settle
            ticket.hold()
            act(ticket)
            ticket.release()

        self._settle = act_and_settle

    def hold(self) -> None:
        """One more thing must be acknowledged first."""
        self._holds += 1

    def release(self) -> None:
        """One thing was acknowledged."""
        self._holds -= 1
        if not self._holds:
            act, self._act = self._act, None
            if act is not None:
                act(self._subject)
            self._settle(self)
