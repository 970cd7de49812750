"""How what the store's transactions leave comes to Kafka: the outbox, whose turn, the producer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from pipeline.registry import OutboxRecord


@dataclass(frozen=True, slots=True)
class PendingRecord:
    """One of the outbox that is not published yet."""

    sequence: int
    record: OutboxRecord


class OutboxTurn(Protocol):
    """The right to publish, which one process has at a time. Blocking."""

    def pending(self, *, after: int, limit: int) -> list[PendingRecord]:
        """What is committed and not published, the oldest first, from behind that sequence on."""
        ...

    def published(self, records: Sequence[PendingRecord], positions: Mapping[str, int]) -> None:
        """Kafka has these, and in tables what they say last; so far the tables' topics are now.

        What is pending of the same key of a table and older than these is never published.
        Raises TurnLost: somebody else may have had the turn meanwhile; nothing was written.
        """
        ...

    def positions(self) -> dict[str, int]:
        """By topic of a table the offset after the last record published."""
        ...


class TurnLost(Exception):
    """The store has given this process's turn away while it was publishing.

    What it produced may have come behind newer records: the process has to start anew.
    """


class OutboxStore(Protocol):
    """What is committed and not published. Blocking."""

    def turn(self) -> AbstractContextManager[OutboxTurn | None]:
        """This process's turn to publish; nobody else publishes meanwhile.

        None where another process does just now. The turn ends with its process, whatever ends it.
        """
        ...

    def outlook(self, sequences: Sequence[int]) -> Outlook:
        """What others have published, without a turn."""
        ...


class Outlook(NamedTuple):
    """How far publishing is."""

    pending: frozenset[int]
    """Those of the sequences asked for that are not published yet."""
    positions: dict[str, int]
    """By topic of a table the offset after the last record published."""


class Publication(NamedTuple):
    """A record on its way to Kafka."""

    topic: str
    key: bytes
    value: bytes | None
    """None: a tombstone."""
    headers: list[tuple[str, bytes]]


class OutboxPublisher(Protocol):
    """The process's producer of what the outbox holds."""

    async def publish(self, records: Sequence[Publication]) -> list[int | str]:
        """For each its offset, or why Kafka will never take it as it is.

        Returns once Kafka has answered for all, however long it is away; the order of records of
        one topic is kept. Raises `ports.SinkFailed`: the process has to start anew.
        """
        ...

    def make_topics(self, topics: Sequence[str]) -> dict[str, str]:
        """Makes those of these delivery topics that are not there; why some could not be made.

        Blocking.
        """
        ...

    def give_up(self) -> None:
        """Drop what is not acknowledged; nothing is produced from here on. Blocking."""
        ...
