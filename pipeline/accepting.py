"""What accepting events asks of Kafka: to have them, and how far the tables are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from pipeline.flow import Emit


class NotPublished(Exception):
    """Kafka has not acknowledged what was given to it, or takes nothing now; the text says why.

    Some of it may be there nevertheless, or come to be.
    """


class EventLog(Protocol):
    """Where the API publishes accepted events; used on the event loop."""

    async def publish(self, records: Sequence[Emit]) -> None:
        """Return when the brokers have acknowledged all of them.

        Raises NotPublished. Whoever is cancelled here forgets the answer, and not the records.
        """
        ...


class TableEnds(NamedTuple):
    """How far the tables were at one moment."""

    positions: Mapping[str, int]
    """By table, without the topics' prefix: the offset after its last record."""
    header: bytes
    """The same, as records carry it."""


class TableLogs(Protocol):
    """The tables' topics, as far as the brokers have them; used on the event loop."""

    async def ends(self) -> TableEnds:
        """As the brokers tell it when they are asked after this call.

        Waits for as long as no broker answers.
        """
        ...
