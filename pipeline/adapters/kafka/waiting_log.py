"""What waits for an endpoint, read from its delivery topics and from the tiers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from time import monotonic
from typing import Final

from pipeline.adapters.kafka.inquiry import Inquiry, KafkaRefused, KafkaUnreachable
from pipeline.adapters.kafka.reading import reading
from pipeline.delivery_log import Waiting, WaitingDelivery
from pipeline.domain.commit_note import read_beyond, read_note
from pipeline.domain.delivery import Delivery
from pipeline.domain.endpoint import Endpoint
from pipeline.flow import Partition, Record
from pipeline.ports import LogsUnavailable, Undecodable

READ_SECONDS: Final = 3.0
"""How long one answer reads, at most."""
MOST_RECORDS: Final = 50_000
"""How many records one answer looks at, at most, whosesoever they are."""

IsOver = Callable[[Delivery], bool]


class KafkaWaitingLog:
    """Implements `WaitingLog`. Belongs to no group, commits nothing and disturbs nobody.

    `tiers` are the tiers' topics; `senders` and `schedulers` are the groups that finish what waits.
    """

    def __init__(
        self,
        connection: Mapping[str, str | int | bool],
        *,
        tiers: Sequence[str],
        senders: str,
        schedulers: str,
        decode: Callable[[bytes], Delivery],
    ) -> None:
        self._connection = connection
        self._tiers = tuple(tiers)
        self._senders = senders
        self._schedulers = schedulers
        self._decode = decode
        self._one_at_a_time = Lock()

    def waiting(self, endpoint: Endpoint, *, limit: int, is_over: IsOver) -> Waiting:
        with self._one_at_a_time:
            try:
                return self._waiting(endpoint, limit, is_over)
            except (KafkaRefused, KafkaUnreachable) as exc:
                raise LogsUnavailable(str(exc)) from exc

    def _waiting(self, endpoint: Endpoint, limit: int, is_over: IsOver) -> Waiting:
        inquiry = Inquiry(self._connection)
        counts = inquiry.topics()
        topics = [each for each in (endpoint.topic, endpoint.moved_from) if each is not None]
        delivery = _partitions(topics, counts)
        tiers = _partitions(self._tiers, counts)
        committed = {
            **_committed(inquiry, self._schedulers, tiers),
            **_committed(inquiry, self._senders, delivery),
        }
        bounds = inquiry.bounds([*tiers, *delivery])
        begins = {
            each: max(bound.first, committed[each][0] if each in committed else bound.first)
            for each, bound in bounds.items()
        }
        ends = {each: bound.end for each, bound in bounds.items() if begins[each] < bound.end}
        found = _Found(endpoint, self._decode, is_over)
        beyond = {each: finished for each, (_, finished) in committed.items()}
        is_complete = True
        if ends:
            is_complete = self._read({each: begins[each] for each in ends}, ends, beyond, found)
        return found.told(limit, is_complete=is_complete)

    def _read(
        self,
        begins: Mapping[Partition, int],
        ends: Mapping[Partition, int],
        beyond: Mapping[Partition, frozenset[int]],
        found: _Found,
    ) -> bool:
        """Whether all was read."""
        give_up_at = monotonic() + READ_SECONDS
        seen = 0
        with reading(self._connection) as reader:
            reader.begin(begins)
            left = dict(ends)
            while left:
                if monotonic() >= give_up_at or seen >= MOST_RECORDS:
                    return False
                records = reader.poll()
                seen += len(records)
                for record in records:
                    place = record.partition
                    is_finished = record.offset in beyond.get(place, frozenset())
                    if record.offset < ends[place] and not is_finished:
                        found.look_at(record)
                reached = [each for each, end in left.items() if reader.has_reached(each, end)]
                reader.drop(reached)
                for each in reached:
                    del left[each]
        return True


def _committed(
    inquiry: Inquiry, group: str, partitions: Sequence[Partition]
) -> dict[Partition, tuple[int, frozenset[int]]]:
    """How far the group is, and what is finished beyond."""
    return {
        partition: (offset, read_beyond(read_note(note)))
        for partition, (offset, note) in inquiry.notes(group, partitions).items()
    }


class _Found:
    """Deliveries of one endpoint, each once: a record may have gone on and not be committed yet."""

    def __init__(
        self, endpoint: Endpoint, decode: Callable[[bytes], Delivery], is_over: IsOver
    ) -> None:
        self._key = endpoint.id.encode()
        self._endpoint = endpoint.id
        self._decode = decode
        self._is_over = is_over
        self._found: dict[str, WaitingDelivery] = {}

    def look_at(self, record: Record) -> None:
        if record.key is not None and record.key != self._key:
            return
        try:
            delivery = self._decode(record.value or b"")
        except Undecodable:
            return
        if delivery.endpoint != self._endpoint or self._is_over(delivery):
            return
        found = WaitingDelivery(
            delivery._replace(body=b""), delivery.first_attempt_at_ms or record.timestamp_ms
        )
        known = self._found.get(delivery.delivery_id)
        if known is None:
            self._found[delivery.delivery_id] = found
        elif _stage(delivery) >= _stage(known.delivery):
            since_ms = min(known.since_ms, found.since_ms)
            self._found[delivery.delivery_id] = found._replace(since_ms=since_ms)

    def told(self, limit: int, *, is_complete: bool) -> Waiting:
        """The oldest first."""
        ordered = sorted(self._found.values(), key=lambda one: one.since_ms)
        oldest_ms = ordered[0].since_ms if ordered else None
        return Waiting(len(ordered), oldest_ms, tuple(ordered[:limit]), is_complete)


def _stage(delivery: Delivery) -> tuple[int, int]:
    return delivery.attempt, delivery.parked


def _partitions(topics: Sequence[str], counts: Mapping[str, int]) -> list[Partition]:
    return [Partition(topic, number) for topic in topics for number in range(counts.get(topic, 0))]
