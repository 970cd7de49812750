"""One endpoint's queue in the sender, and whether its next delivery may start. Event loop only."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from pipeline.domain.circuit import Circuit
from pipeline.domain.delivery import Cause
from pipeline.domain.rate import RateLimiter

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from pipeline.domain.delivery import Delivery
    from pipeline.flow import Partition, Record
    from pipeline.stages.sender.recipient import Recipient

PATIENCE_MS = 2_000
"""A lane in the shared topic whose queue takes longer than this spills when memory is short; a
faster one waits."""
SMOOTHING = 0.2
"""Weight of the newest attempt in the mean duration."""
MOST_OVERTAKING = 1_000
"""So many others may pass what a job wrote before it has its turn: what waits holds its record, and
with it the partition's offset, so it must not wait for ever."""
_GIVES_WAY = frozenset({Cause.REPLAY.value, Cause.REDRIVE.value})


class Item(NamedTuple):
    """A delivery that waits in a lane, and the record it came in."""

    record: Record
    delivery: Delivery


class Wait(NamedTuple):
    """Nothing may start before this time; None: not before something else happens."""

    until_ms: int | None


class Lane:
    """Everything that the one owner of an endpoint knows about it."""

    __slots__ = (
        "awaits_head",
        "circuit",
        "giving_way",
        "has_long_queue",
        "has_paused",
        "limiter",
        "mean_ms",
        "overtaking",
        "queue",
        "queued_bytes",
        "recipient",
        "running",
        "timer",
    )

    def __init__(self, recipient: Recipient) -> None:
        self.recipient = recipient
        self.circuit = Circuit(version=recipient.endpoint.version)
        self.limiter = _limiter(recipient)
        self.queue: deque[Item] = deque()
        self.queued_bytes = 0
        self.giving_way = 0
        """How many at the end of the queue were written by jobs."""
        self.overtaking = 0
        """How many others have passed those."""
        self.has_long_queue = False
        self.has_paused = False
        """A partition is paused on its account. Both are its keeper's."""
        self.running = 0
        self.awaits_head = False
        """A strict one's head failed and comes back to the front; nothing may start before it."""
        self.mean_ms = 0.0
        """Mean duration of an attempt, lately."""
        self.timer: asyncio.TimerHandle | None = None

    def update(self, recipient: Recipient, *, now_ms: int) -> None:
        """The endpoint's record changed."""
        if recipient.endpoint.rate_limit != self.recipient.endpoint.rate_limit:
            self.limiter = _limiter(recipient)
        version = recipient.endpoint.version
        if self.recipient.endpoint.status != recipient.endpoint.status:
            self.circuit = Circuit(version=version)  # a reactivated one begins slowly
        else:
            self.circuit.on_version(version, now_ms=now_ms)
        self.recipient = recipient

    def push(self, item: Item) -> None:
        """Behind all others; but what a job wrote waits for what has just happened."""
        self.queued_bytes += item.record.held_bytes
        if item.delivery.cause in _GIVES_WAY:
            self.giving_way += 1
        elif self.giving_way:
            if self.overtaking < MOST_OVERTAKING and not self.recipient.is_strict:
                self.overtaking += 1
                self.queue.insert(len(self.queue) - self.giving_way, item)
                return
            self._stand_in_line()
        self.queue.append(item)

    def _stand_in_line(self) -> None:
        self.giving_way = self.overtaking = 0

    def push_front(self, item: Item) -> None:
        self.queue.appendleft(item)
        self.queued_bytes += item.record.held_bytes

    def pop(self) -> Item:
        item = self.queue.popleft()
        self.queued_bytes -= item.record.held_bytes
        if len(self.queue) < self.giving_way:
            self.giving_way, self.overtaking = len(self.queue), 0
        return item

    def pop_last(self) -> Item:
        item = self.queue.pop()
        self.queued_bytes -= item.record.held_bytes
        self.giving_way = max(self.giving_way - 1, 0)
        return item

    def revise(self, revised: Callable[[Item], Item | None]) -> None:
        """Each as it is now; None: it waits no more."""
        items, self.queue, self.queued_bytes = self.queue, deque(), 0
        self._stand_in_line()
        for item in items:
            kept = revised(item)
            if kept is not None:
                self.push(kept)

    def drop(self, partitions: frozenset[Partition]) -> None:
        """Forget what came from these partitions."""
        kept = [item for item in self.queue if item.record.partition not in partitions]
        if len(kept) != len(self.queue):
            self.queue = deque(kept)
            self.queued_bytes = sum(item.record.held_bytes for item in kept)
            self._stand_in_line()

    def next_start(self, now_ms: int) -> Wait | None:
        """None if the head may start now (the rate limit then counts it).

        Else what it waits for.
        """
        if self.awaits_head:
            return Wait(None)
        due_at_ms = self.queue[0].delivery.due_at_ms
        if due_at_ms is not None and due_at_ms > now_ms:
            return Wait(due_at_ms)
        limit = self._most_in_flight()
        if not self.circuit.allowance(now_ms, in_flight=self.running, max_in_flight=limit):
            return Wait(None if self.running else self.circuit.next_probe_at_ms)
        if self.limiter is not None and not self.limiter.take(now_ms):
            return Wait(self.limiter.next_at_ms(now_ms))
        return None

    def started(self) -> None:
        self.running += 1
        self.circuit.on_started()

    def ended(self, duration_ms: float) -> None:
        self.running -= 1
        self.mean_ms += (duration_ms - self.mean_ms) * SMOOTHING

    @property
    def is_slow(self) -> bool:
        """Whether its queue will take long, and for reasons of its own.

        One that has fewer requests on their way than it might have waits for its turn among others.
        """
        rate = self.recipient.endpoint.rate_limit
        if rate is not None and len(self.queue) * rate.per_ms / rate.requests > PATIENCE_MS:
            return True
        at_once = min(self._most_in_flight(), self.circuit.most_at_once)
        return self.running >= at_once and len(self.queue) * self.mean_ms / at_once > PATIENCE_MS

    def _most_in_flight(self) -> int:
        """Half of it while nothing but jobs' deliveries wait: what happens next finds room."""
        most = self.recipient.most_in_flight
        return most if self.giving_way < len(self.queue) else max(most // 2, 1)


def _limiter(recipient: Recipient) -> RateLimiter | None:
    limit = recipient.endpoint.rate_limit
    return RateLimiter(limit) if limit is not None else None
