"""One page of the outbox on its way to Kafka, and what is done about records that it refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pipeline.publishing import OutboxPublisher, PendingRecord, Publication

AGAIN_SECONDS: Final = 1.0
"""Until a record that was refused is tried again: topics are made, limits raised."""

TableKey = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class PublishedPage:
    """What became of a page."""

    done: Sequence[PendingRecord]
    """The newest of each key, and every event, as far as Kafka has them."""
    positions: Mapping[str, int]
    """By topic of a table the offset after the last of them."""
    refusals: Mapping[int, str]
    """By sequence why it is not among them."""


class PagePublisher:
    """Publishes pages for one process, one after another. Used on the event loop."""

    def __init__(self, publisher: OutboxPublisher) -> None:
        self._publisher = publisher
        self._made_topics: set[str] = set()
        self._refused: dict[int, tuple[float, str]] = {}
        """By sequence when it is tried again, on the loop's clock, and why it was refused."""

    async def publish_tables(self, page: Sequence[PendingRecord]) -> PublishedPage:
        """Their newest records, delivery topics first. Raises SinkFailed."""
        newest = _newest(page)
        refusals = self._refused_lately(newest)
        refusals |= await self._make_topics(
            [each for each in newest if each.sequence not in refusals], page
        )
        due = [each for each in newest if each.sequence not in refusals]
        return self._noted(due, await self._produce(due, headers=[]), refusals)

    async def publish_events(
        self, page: Sequence[PendingRecord], header: tuple[str, bytes]
    ) -> PublishedPage:
        """All of them, with this header. Raises SinkFailed."""
        events = [each for each in page if each.record.is_event]
        refusals = self._refused_lately(events)
        due = [each for each in events if each.sequence not in refusals]
        return self._noted(due, await self._produce(due, headers=[header]), refusals)

    def _refused_lately(self, records: Sequence[PendingRecord]) -> dict[int, str]:
        now = asyncio.get_running_loop().time()
        self._refused = {
            sequence: (again, why)
            for sequence, (again, why) in self._refused.items()
            if again > now
        }
        return {
            each.sequence: self._refused[each.sequence][1]
            for each in records
            if each.sequence in self._refused
        }

    async def _produce(
        self, records: Sequence[PendingRecord], *, headers: list[tuple[str, bytes]]
    ) -> list[int | str]:
        if not records:
            return []
        return await self._publisher.publish(
            [
                Publication(each.record.topic, each.record.key, each.record.value, headers)
                for each in records
            ]
        )

    async def _make_topics(
        self, due: Sequence[PendingRecord], page: Sequence[PendingRecord]
    ) -> dict[int, str]:
        """Answer which records have to wait because their endpoint's topic cannot be made.

        An older record of the same key may be the one that wants it.
        """
        wanted = {
            _table_key(each): each.record.delivery_topic for each in page if each.record.needs_topic
        }
        needed = {
            each.sequence: topic
            for each in due
            if (topic := wanted.get(_table_key(each))) is not None
            and topic not in self._made_topics
        }
        if not needed:
            return {}
        topics = sorted(set(needed.values()))
        failures = await asyncio.to_thread(self._publisher.make_topics, topics)
        self._made_topics.update(topic for topic in topics if topic not in failures)
        refusals = {
            sequence: failures[topic] for sequence, topic in needed.items() if topic in failures
        }
        self._remember(refusals)
        return refusals

    def _noted(
        self,
        records: Sequence[PendingRecord],
        results: Sequence[int | str],
        refusals: Mapping[int, str],
    ) -> PublishedPage:
        positions: dict[str, int] = {}
        done: list[PendingRecord] = []
        refused: dict[int, str] = {}
        for each, result in zip(records, results, strict=True):
            if isinstance(result, str):
                refused[each.sequence] = f"{each.record.topic}: {result}"
                continue
            done.append(each)
            if not each.record.is_event:
                positions[each.record.topic] = result + 1
        self._remember(refused)
        return PublishedPage(done, positions, {**refusals, **refused})

    def _remember(self, refusals: Mapping[int, str]) -> None:
        again = asyncio.get_running_loop().time() + AGAIN_SECONDS
        self._refused |= {sequence: (again, why) for sequence, why in refusals.items()}


def superseded_by(done: Sequence[PendingRecord], page: Sequence[PendingRecord]) -> list[int]:
    """The sequences of all of the page's records that these say, or say something newer than."""
    keys = {_table_key(each) for each in done if not each.record.is_event}
    sequences = [each.sequence for each in done if each.record.is_event]
    return sequences + [
        each.sequence for each in page if not each.record.is_event and _table_key(each) in keys
    ]


def _newest(page: Sequence[PendingRecord]) -> list[PendingRecord]:
    """Of each key of a table the newest record, in the order of the outbox."""
    newest = {_table_key(each): each for each in page if not each.record.is_event}
    return sorted(newest.values(), key=lambda each: each.sequence)


def _table_key(pending: PendingRecord) -> TableKey:
    return pending.record.topic, pending.record.key
