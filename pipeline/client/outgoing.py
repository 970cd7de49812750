"""What is on its way and not acknowledged: the part that both publishers share."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Final

from pipeline.client.event import Event
from pipeline.client.failures import (
    BufferFull,
    Failure,
    NotPublished,
    PublisherClosed,
    failure_of,
)
from pipeline.client.outlet import Limits, Outlet
from pipeline.client.room import Room
from pipeline.domain.unpublished import Fate, Unpublished

_STILL_OUT: Final = Unpublished("not acknowledged within the time limit", Fate.UNCERTAIN)
_MOST_REMEMBERED: Final = 1_000


def size_of(event: Event) -> int:
    """Bytes that it is counted with: the data, and something for the rest."""
    return len(event.plain.data) + 512


class Outgoing:
    """Thread-safe; events are given room by whoever sends them, and lose it here."""

    def __init__(self, outlet: Outlet, limits: Limits) -> None:
        self.limits = limits
        self.room = Room(most_events=limits.most_events, most_bytes=limits.most_bytes)
        self._outlet = outlet
        self._changed = threading.Condition()
        self._is_closed = False
        self._next = 0
        self._out: dict[int, Event] = {}
        self._settling: set[int] = set()
        self._failed: deque[Failure] = deque(maxlen=_MOST_REMEMBERED)

    def send(self, event: Event) -> Future[str]:
        """The event, for which room was taken. The future has its id, or raises NotPublished.

        Raises:
            PublisherClosed: see there.
        """
        with self._changed:
            if self._is_closed:
                self.room.give_back(size_of(event))
                raise PublisherClosed("the publisher is closed: the event was not taken")
            number = self._next
            self._next += 1
            self._out[number] = event
        future: Future[str] = Future()
        future.set_running_or_notify_cancel()  # what is on its way cannot be called back

        def settled(unpublished: Unpublished | None) -> None:
            with self._changed:
                if number not in self._out or number in self._settling:
                    return
                self._settling.add(number)
            self.room.give_back(size_of(event))
            if unpublished is None:
                future.set_result(event.id)
            else:
                future.set_exception(NotPublished([failure_of(event, unpublished)]))
            with self._changed:  # now, for a flush tells what the future's owner was told
                self._settling.remove(number)
                del self._out[number]
                self._changed.notify_all()

        self._outlet.send(event, settled)
        return future

    def remember_failure(self, future: Future[str]) -> None:
        """Of an event that nobody waits for: the next flush tells it."""
        failed = future.exception()
        if isinstance(failed, NotPublished):
            self._failed.extend(failed.failures)

    def flush(self, timeout_seconds: float | None) -> None:
        """Wait for what was sent before; raises NotPublished for what failed since the last time.

        None: until everything is settled, which takes `give_up_seconds` at most.
        """
        with self._changed:
            end = self._next
            self._changed.wait_for(lambda: next(iter(self._out), end) >= end, timeout_seconds)
            late = [event for number, event in self._out.items() if number < end]
        failures = [failure_of(event, _STILL_OUT) for event in late]
        while self._failed:
            failures.append(self._failed.popleft())
        if failures:
            raise NotPublished(failures)

    def close(self, timeout_seconds: float | None) -> None:
        """Take nothing more, flush, and give up the rest. Raises NotPublished as `flush` does."""
        with self._changed:
            was_closed, self._is_closed = self._is_closed, True
        if was_closed:
            return
        try:
            self.flush(timeout_seconds)
        finally:
            self._outlet.close()


def withdraw(outgoing: Outgoing, event: Event, turn: Future[None]) -> None:
    """Who waits for room no longer; where it was given meanwhile it is given back."""
    if not turn.cancel():
        outgoing.room.give_back(size_of(event))


def buffer_full(limits: Limits) -> BufferFull:
    return BufferFull(
        f"no room for {limits.give_up_seconds:g} s: too much is not acknowledged "
        f"(at most {limits.most_events} events, {limits.most_bytes} bytes)"
    )


class Round:
    """Events that are published together; the first that is not acknowledged stops the others."""

    def __init__(self) -> None:
        self._sent: list[tuple[Event, Future[str]]] = []
        self._failures: list[Failure] = []
        self._reason: str | None = None

    @property
    def is_stopped(self) -> bool:
        return self._reason is not None

    def add(self, event: Event, future: Future[str]) -> None:
        self._sent.append((event, future))
        future.add_done_callback(self._look)

    def leave(self, event: Event, reason: str = "") -> None:
        """An event that was not sent."""
        self._reason = self._reason or reason
        self._failures.append(Failure(event, f"not sent: {self._reason}", Fate.UNSENT))

    @property
    def futures(self) -> Sequence[Future[str]]:
        return [future for _, future in self._sent]

    def result(self) -> list[str]:
        """The ids, once all futures are done. Raises NotPublished."""
        failures: list[Failure] = []
        for _, future in self._sent:
            failed = future.exception()
            if isinstance(failed, NotPublished):
                failures.extend(failed.failures)
        failures.extend(self._failures)
        if failures:
            others = len(self._sent) + len(self._failures) - len(failures)
            raise NotPublished(failures, others=others)
        return [event.id for event, _ in self._sent]

    def _look(self, future: Future[str]) -> None:
        failed = future.exception()
        if isinstance(failed, NotPublished) and failed.unacknowledged:
            self._reason = self._reason or "an event before it was not acknowledged"
