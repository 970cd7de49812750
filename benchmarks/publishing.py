"""Publishes events as fast as a bounded backlog allows, and watches them arrive."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from benchmarks.children import BenchmarkFailed, last_words
from benchmarks.publisher import Publisher
from benchmarks.rates import Sample
from benchmarks.rig import Load, Rig

_PAUSE_SECONDS: Final = 0.025
_STALL_SECONDS: Final = 90.0
"""What the sender puts aside comes back after a minute."""
_MOST_AT_ONCE: Final = 2_000
_MOST_BYTES_AT_ONCE: Final = 16 << 20
_MOST_BYTES_WAITING: Final = 64 << 20
_LEAST_WAITING: Final = 128


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is published, and how far ahead of the receiver."""

    deliveries: int
    most_waiting: int | None
    """Deliveries between the producer and the receiver; None: everything is published at once."""
    publish_seconds: float | None
    """After so long nothing more is published."""

    def sized(self, load: Load) -> Backlog:
        """With as much waiting as such events and such deliveries need."""
        if self.most_waiting is None:
            return self
        by_bytes = max(_MOST_BYTES_WAITING // load.data_bytes, _LEAST_WAITING)
        # A second attempt comes after one to two seconds, and meanwhile its delivery waits.
        most_waiting = min(self.most_waiting * (2 * load.attempts_each - 1), by_bytes)
        return Backlog(self.deliveries, most_waiting, self.publish_seconds)

    def room(self, load: Load, published: int, accepted: int) -> int:
        """How many more events may be published now."""
        at_once = min(_MOST_AT_ONCE, max(_MOST_BYTES_AT_ONCE // load.data_bytes, 1))
        left = self.deliveries // load.fan_out - published
        if self.most_waiting is None:
            return min(left, at_once)
        waiting = published * load.fan_out - accepted
        return min(left, max(self.most_waiting - waiting, 0) // load.fan_out, at_once)


class Watched(NamedTuple):
    """What was published, and how deliveries were accepted meanwhile."""

    events: int
    samples: list[Sample]
    """Counted from 0."""


class Watch:
    """One stretch of publishing on a rig, from event `first` on."""

    def __init__(self, rig: Rig, publisher: Publisher, *, first: int) -> None:
        self._rig = rig
        self._publisher = publisher
        self._first = first
        self._before = rig.receiver.received().accepted
        self._samples = [Sample(time.monotonic(), 0)]
        self._published = 0

    def run(self, wanted: Backlog, *, on_sample: Callable[[Sample], None]) -> Watched:
        """Publish, and return when all of it was accepted.

        Raises BenchmarkFailed: nothing was accepted for 90 s, an event was not published, or a
        process has ended.
        """
        backlog = wanted.sized(self._rig.load)
        newest = self._samples[0]
        while self._publish_some(backlog) or not self._is_all_accepted():
            self._publisher.serve()
            time.sleep(_PAUSE_SECONDS)
            accepted = self._rig.receiver.received().accepted - self._before
            self._samples.append(Sample(time.monotonic(), accepted))
            newest = self._newest(newest)
            on_sample(self._samples[-1])
            self._rig.check()
        self._publisher.flush()
        return Watched(self._published, self._samples)

    def _publish_some(self, backlog: Backlog) -> bool:
        """As much as may be published now; False when no more ever will be."""
        began, now = self._samples[0], self._samples[-1]
        elapsed_seconds = now.at_seconds - began.at_seconds
        if backlog.publish_seconds is not None and elapsed_seconds >= backlog.publish_seconds:
            return False
        next_event = self._first + self._published
        room = backlog.room(self._rig.load, self._published, now.received)
        for number in range(next_event, next_event + room):
            self._publisher.publish(self._rig.load.record(number))
        self._published += room
        return self._published < backlog.deliveries // self._rig.load.fan_out

    def _is_all_accepted(self) -> bool:
        return self._samples[-1].received >= self._published * self._rig.load.fan_out

    def _newest(self, newest: Sample) -> Sample:
        """The last sample that had more than those before it."""
        now = self._samples[-1]
        if now.received > newest.received:
            return now
        if now.at_seconds - newest.at_seconds > _STALL_SECONDS:
            raise BenchmarkFailed(
                f"nothing was accepted for {_STALL_SECONDS:g} s after {now.received} deliveries of"
                f" {self._published * self._rig.load.fan_out};"
                f" behind: {self._rig.behind() or 'nobody'}{last_words(self._rig.children)}"
            )
        return newest
