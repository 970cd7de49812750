"""An endpoint in the shared topic is down for an hour while 1,000 events a second come for it."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Final

from pipeline.domain.circuit import Circuit
from pipeline.domain.tiers import DEFAULT_TIERS, next_hop, park
from pipeline.domain.verdict import RetryAt

_BEGAN_MS: Final = 1_760_000_000_000
_EACH_SECOND: Final = 1_000
_OUTAGE_SECONDS: Final = 3_600
_LONGEST_WAIT_SECONDS: Final = 3_600 + 300


@dataclass(slots=True)
class _Hour:
    """The sender's and the scheduler's decisions, a second at a time, for all records of a kind."""

    circuit: Circuit = field(default_factory=lambda: Circuit(version=1))
    waiting: defaultdict[int, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    """By the second it is due: how many records that were put aside so often."""
    to_tiers: int = 0
    to_topic: int = 0
    probes: int = 0
    refused: int = 0
    accepted: Counter[int] = field(default_factory=Counter[int])
    """By how often they were put aside before."""

    def step(self, second: int, arriving: int, *, is_up: bool) -> None:
        now_ms = _BEGAN_MS + second * 1_000
        due = self.waiting.pop(second, Counter[int]())
        self.to_topic += due.total()
        due[0] += arriving
        for parked, records in sorted(due.items(), reverse=True):
            left = records
            while left and self.circuit.allowance(now_ms, in_flight=0, max_in_flight=64):
                self._attempt(now_ms, parked, is_up=is_up)
                left -= 1
            self._put_aside(now_ms, parked, records=left)

    def _attempt(self, now_ms: int, parked: int, *, is_up: bool) -> None:
        self.probes += not self.circuit.is_closed
        self.circuit.on_started()
        if is_up:
            self.circuit.on_success()
            self.accepted[parked] += 1
        else:
            # The attempt was spent: its retry is counted by the schedule, not here.
            self.refused += 1
            self.circuit.on_failure(f"{now_ms}-{self.refused}", now_ms=now_ms)

    def _put_aside(self, now_ms: int, parked: int, *, records: int) -> None:
        if not records:
            return
        verdict = park(parked, now_ms=now_ms, next_probe_at_ms=self.circuit.next_probe_at_ms)
        assert isinstance(verdict, RetryAt)
        at_ms = now_ms
        while (hop := next_hop(verdict.due_at_ms, at_ms, tiers=DEFAULT_TIERS)) is not None:
            self.to_tiers += records
            at_ms += hop.delay_ms
        self.waiting[-(-(at_ms - _BEGAN_MS) // 1_000)][parked + 1] += records


def _outage() -> _Hour:
    hour = _Hour()
    for delivery in range(20):  # what opens the circuit
        hour.circuit.on_failure(str(delivery), now_ms=_BEGAN_MS)
    for second in range(_OUTAGE_SECONDS):
        hour.step(second, _EACH_SECOND, is_up=False)
    return hour


def test_an_hour_of_outage_costs_each_record_at_most_five_writes_to_tiers():
    hour = _outage()
    records = _OUTAGE_SECONDS * _EACH_SECOND
    assert hour.to_tiers / records < 5.0
    assert hour.to_topic / records < 2.0
    most = max(group for counts in hour.waiting.values() for group in counts)
    assert most == 3
    assert max(hour.waiting) <= _OUTAGE_SECONDS + _LONGEST_WAIT_SECONDS


def test_an_hour_of_outage_costs_the_endpoint_a_probe_each_five_minutes():
    # After 5, 10, 20, 40, 80, 160 s, and then every 300 s.
    assert _outage().probes == 6 + (_OUTAGE_SECONDS - 635) // 300 + 1


def test_after_the_outage_everything_that_was_put_aside_is_accepted():
    hour = _outage()
    for second in range(_OUTAGE_SECONDS, _OUTAGE_SECONDS + 2 * _LONGEST_WAIT_SECONDS):
        hour.step(second, 0, is_up=True)
    assert not hour.waiting
    assert hour.accepted.total() + hour.refused == _OUTAGE_SECONDS * _EACH_SECOND
