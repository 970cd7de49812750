"""Publishes events and reports their acknowledgements in the order in which they were given."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Final, Self

from pipeline.adapters.kafka.event_producer import EventProducer, EventRecord
from pipeline.adapters.kafka.inquiry import KafkaRefused, KafkaUnreachable
from pipeline.domain.delivery import Position
from pipeline.domain.unpublished import Fate, Unpublished

MOST_UNACKNOWLEDGED: Final = 10_000
MOST_UNACKNOWLEDGED_BYTES: Final = 64 * 1024 * 1024


@dataclass(slots=True)
class _Pending:
    event_id: str
    size_bytes: int
    found: Position | Unpublished | None = None
    """None: not known yet."""


class EventPublisher:
    """A producer for one topic, to be used by one thread as a context manager.

    `on_acknowledged` gets each event's id and place, in the order of `publish`, on a thread of
    the publisher's.
    Leaving the context waits for all acknowledgements and raises what `publish` raises.
    """

    def __init__(
        self,
        connection: Mapping[str, str | int | bool],
        topic: str,
        *,
        on_acknowledged: Callable[[str, Position], None],
    ) -> None:
        self._on_acknowledged = on_acknowledged
        self._pending: deque[_Pending] = deque()
        self._pending_bytes = 0
        self._changed = threading.Condition()
        self._failure: Unpublished | None = None
        self._producer = EventProducer(connection, topic)

    def publish(self, event_id: str, key: bytes, value: bytes) -> None:
        """Produce; waits while too much is unacknowledged.

        Raises:
            KafkaUnreachable: an earlier event was not acknowledged in time.
            KafkaRefused: the brokers refused an earlier event, or refuse this one.
        """
        pending = _Pending(event_id, len(value))
        with self._changed:
            self._changed.wait_for(lambda: self._has_room or self._failure is not None)
            self._raise_failure()
            self._pending.append(pending)
            self._pending_bytes += pending.size_bytes
        self._producer.produce(EventRecord(key, value), partial(self._settle, pending))
        with self._changed:
            self._raise_failure()

    @property
    def _has_room(self) -> bool:
        return (
            len(self._pending) < MOST_UNACKNOWLEDGED
            and self._pending_bytes < MOST_UNACKNOWLEDGED_BYTES
        )

    def _settle(self, settled: _Pending, found: Position | Unpublished) -> None:
        """In the order of `publish`; nothing is told after the first failure."""
        with self._changed:
            settled.found = found
            while self._failure is None and self._pending:
                done = self._pending[0]
                if done.found is None:
                    break
                self._pending.popleft()
                self._pending_bytes -= done.size_bytes
                if isinstance(done.found, Unpublished):
                    self._failure = done.found
                else:
                    self._on_acknowledged(done.event_id, done.found)
            self._changed.notify_all()

    def _raise_failure(self) -> None:
        if self._failure is None:
            return
        if self._failure.fate is Fate.REFUSED:
            raise KafkaRefused(self._failure.reason)
        raise KafkaUnreachable(self._failure.reason)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            with self._changed:
                # The producer gives every record up by itself, so this ends.
                self._changed.wait_for(lambda: not self._pending or self._failure is not None)
                if kind is None:
                    self._raise_failure()
        finally:
            self._producer.close()
