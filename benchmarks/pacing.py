"""Events at an even pace, and when each of them came."""

from __future__ import annotations

import time
from typing import Final, NamedTuple

from benchmarks.children import BenchmarkFailed, last_words
from benchmarks.publisher import Publisher
from benchmarks.rates import percentile
from benchmarks.rig import Figures, Rig

NS_PER_MS: Final = 1_000_000
_WAIT_SECONDS: Final = 20.0
_WAITED_PER_SECOND: Final = 100
"""Beyond those 20 s a second more for so many events."""
_POLL_SECONDS: Final = 0.05
_CHECK_EVERY: Final = 50
_SHARES: Final = {"p50_ms": 0.5, "p90_ms": 0.9, "p99_ms": 0.99, "max_ms": 1.0}
PERCENTILES: Final = tuple(_SHARES)

Times = dict[int, int]
"""Nanoseconds of CLOCK_MONOTONIC by the event's number."""


class Stretch(NamedTuple):
    """Which events, and how many of them a second."""

    first: int
    events: int
    per_second: float

    @property
    def numbers(self) -> range:
        return range(self.first, self.first + self.events)


def warm_up(rig: Rig, events: int, publisher: Publisher) -> None:
    """As fast as it goes, which lets the broker's Java compile what is often used."""
    for number in range(events):
        publisher.publish(rig.load.record(number))
        publisher.serve()
    publisher.flush()
    arrivals(rig, set(range(events)))


def publish_evenly(rig: Rig, stretch: Stretch, publisher: Publisher) -> Times:
    """When each event was given to the producer. Raises BenchmarkFailed."""
    records = {number: rig.load.record(number) for number in stretch.numbers}
    began = time.monotonic()
    sent_ns: Times = {}
    for position, (number, record) in enumerate(records.items()):
        due = began + position / stretch.per_second
        while (wait_seconds := due - time.monotonic()) > 0:
            time.sleep(wait_seconds)
        sent_ns[number] = time.monotonic_ns()
        publisher.publish(record)
        publisher.serve()
        if position % _CHECK_EVERY == 0:
            rig.check()
    publisher.flush()
    return sent_ns


def arrivals(rig: Rig, wanted: set[int]) -> Times:
    """When each was received for the first time. Raises BenchmarkFailed: one was not."""
    arrived: Times = {}
    missing = set(wanted)
    deadline = time.monotonic() + _WAIT_SECONDS + len(wanted) / _WAITED_PER_SECOND
    while missing:
        if time.monotonic() > deadline:
            raise BenchmarkFailed(
                f"{len(missing)} of {len(wanted)} events did not arrive{last_words(rig.children)}"
            )
        rig.check()
        time.sleep(_POLL_SECONDS)
        for number, at_ns in rig.receiver.ask("/arrivals"):
            if number in missing:
                arrived[number] = at_ns
                missing.discard(number)
    return arrived


def percentiles_ms(prefix: str, took_ms: list[float]) -> Figures:
    """p50, p90, p99 and the most of at least one; figures are named `<prefix>p50_ms` and so on."""
    ordered = sorted(took_ms)
    return {f"{prefix}{name}": percentile(ordered, share) for name, share in _SHARES.items()}
