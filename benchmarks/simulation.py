"""A small discrete-event model: events on their way over cores that everything shares.

It knows what each process uses for one event that comes alone, and the order in which they work on
it. A piece of work takes as long on average as was measured, exponentially distributed (all that is
assumed), and waits while every core is busy with another: with what the event leaves behind it
(its attempt, the store, commits), Java's compilers and what else runs on the machine.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Final, NamedTuple

_SLICE_MS: Final = 1.0
"""After so long another one's turn comes."""
_PACKED_MS: Final = 50.0
"""The sender packs attempts for so long, and then they are written together."""
_STORED_MS: Final = 250.0
"""The recorder writes at most so often."""
_COMMITS_PER_SECOND: Final = 12.0
"""Three consumer groups, each every quarter of a second."""
_ON_THE_WAY: Final = 4
"""Requests that an event makes of the broker before it is sent: appended and read, twice."""
_COMPILING_MS: Final = 5.0
_OTHERS_MS: Final = 5.0
_MS_PER_SECOND: Final = 1000.0
_BEFORE_THE_REQUEST: Final = 0.5
"""Of the sender's work for a delivery; the other half concludes it."""
_SEED: Final = 20_260_302
_Piece = tuple[float, Callable[[], None]]
"""Milliseconds that are left, and what comes then."""


class Machine(NamedTuple):
    """What is used a second, and by how many events."""

    cores: int
    per_second: float
    """Events."""
    busy: Mapping[str, float]
    """Cores, by process, above what it uses when nothing happens."""
    compiling: float
    """Cores that Java's compilers keep busy meanwhile."""
    others: float
    """Cores that everything else keeps busy."""

    @property
    def requests_per_second(self) -> float:
        """That the broker answers."""
        packed = min(self.per_second, _MS_PER_SECOND / _PACKED_MS)
        return _ON_THE_WAY * self.per_second + 2 * packed + _COMMITS_PER_SECOND

    def each_ms(self, process: str) -> float:
        """CPU of one event, or of one request to the broker."""
        rate = self.requests_per_second if process == "broker" else self.per_second
        return self.busy[process] * _MS_PER_SECOND / rate

    @property
    def store_ms(self) -> float:
        """CPU of one transaction of the recorder."""
        rate = min(self.per_second, _MS_PER_SECOND / _STORED_MS)
        return self.busy["recorder"] * _MS_PER_SECOND / rate


@dataclass(slots=True)
class Cores:
    """So many pieces of work go on at once, in turns of a millisecond.

    As Linux has it, who has used little comes first: what is new before what has had its turn.
    """

    free: int
    now_ms: float = 0.0
    _new: deque[_Piece] = field(default_factory=deque["_Piece"])
    _begun: deque[_Piece] = field(default_factory=deque["_Piece"])
    _agenda: list[tuple[float, int, Callable[[], None]]] = field(
        default_factory=list[tuple[float, int, Callable[[], None]]]
    )
    _numbers: count[int] = field(default_factory=count)

    def at(self, ms: float, act: Callable[[], None]) -> None:
        """Do it then."""
        heapq.heappush(self._agenda, (ms, next(self._numbers), act))

    def work(self, ms: float, then: Callable[[], None]) -> None:
        """Use a core for so long, as soon as there is one, and go on."""
        self._new.append((ms, then))
        self._serve()

    def work_on(self, ms: float, then: Callable[[], None]) -> None:
        """The same for somebody who has been at work for long."""
        self._begun.append((ms, then))
        self._serve()

    def run(self, until_ms: float) -> None:
        """Until then."""
        while self._agenda and self._agenda[0][0] <= until_ms:
            self.now_ms, _, act = heapq.heappop(self._agenda)
            act()

    def _serve(self) -> None:
        while self.free and (self._new or self._begun):
            left_ms, then = (self._new or self._begun).popleft()
            self.free -= 1
            turn_ms = min(left_ms, _SLICE_MS)
            ended = partial(self._end_turn, left_ms - turn_ms, then)
            self.at(self.now_ms + turn_ms, ended)

    def _end_turn(self, left_ms: float, then: Callable[[], None]) -> None:
        self.free += 1
        if left_ms > 0:
            self._begun.append((left_ms, then))
        else:
            then()
        self._serve()


def simulated_latencies_ms(machine: Machine, *, events: int) -> list[float]:
    """From the producer's call to the request received, of so many events at an even pace."""
    return _Simulation(machine).run(events)


class _Simulation:
    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._cores = Cores(machine.cores)
        self._random = random.Random(_SEED)  # noqa: S311 - a model, and the same one each time
        self._took_ms: list[float] = []
        self._packed = self._stored = -1.0
        """When what is packed, and what is stored next, goes out."""
        request = machine.each_ms("broker")
        sender = machine.each_ms("sender")
        self._way = (
            machine.each_ms("publisher"),
            *(request, request, machine.each_ms("router"), request, request),
            sender * _BEFORE_THE_REQUEST,
            machine.each_ms("receiver"),
        )
        self._request_ms = request
        self._concluding_ms = sender * (1 - _BEFORE_THE_REQUEST)

    def run(self, events: int) -> list[float]:
        """As many as there are events."""
        machine, cores = self._machine, self._cores
        distance_ms = _MS_PER_SECOND / machine.per_second
        until_ms = events * distance_ms
        for number in range(events):
            cores.at(number * distance_ms, partial(self._begin, number * distance_ms))
        for busy, ms in (
            (machine.compiling, _COMPILING_MS),
            (machine.others, _OTHERS_MS),
            (_COMMITS_PER_SECOND * self._request_ms / _MS_PER_SECOND, self._request_ms),
        ):
            self._disturb(busy, ms, until_ms)
        cores.run(until_ms + _MS_PER_SECOND)
        return self._took_ms

    def _begin(self, at_ms: float) -> None:
        self._step(at_ms, 0)

    def _step(self, began_ms: float, number: int) -> None:
        if number == len(self._way):
            self._took_ms.append(self._cores.now_ms - began_ms)
            self._cores.work(self._drawn(self._concluding_ms), self._pack)
        else:
            self._cores.work(
                self._drawn(self._way[number]), partial(self._step, began_ms, number + 1)
            )

    def _pack(self) -> None:
        now_ms = self._cores.now_ms
        if self._packed <= now_ms:
            self._packed = now_ms + _PACKED_MS
            self._cores.at(self._packed, self._write)

    def _write(self) -> None:
        self._cores.work(
            self._drawn(self._request_ms),
            lambda: self._cores.work(self._drawn(self._request_ms), self._store),
        )

    def _store(self) -> None:
        now_ms = self._cores.now_ms
        if self._stored <= now_ms:
            self._stored = now_ms + _STORED_MS
            self._cores.work(self._drawn(self._machine.store_ms), _nothing)

    def _disturb(self, busy_cores: float, ms: float, until_ms: float) -> None:
        """Other work that comes whenever it comes and keeps so many cores busy."""
        if busy_cores <= 0 or ms <= 0:
            return
        at_ms = self._drawn(ms / busy_cores)
        while at_ms < until_ms:
            self._cores.at(at_ms, partial(self._cores.work_on, self._drawn(ms), _nothing))
            at_ms += self._drawn(ms / busy_cores)

    def _drawn(self, mean_ms: float) -> float:
        return self._random.expovariate(1 / mean_ms) if mean_ms > 0 else 0.0


def _nothing() -> None:
    pass
