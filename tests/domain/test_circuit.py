"""The circuit of one endpoint: examples, and a machine that tries every order of events."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pipeline.domain.circuit import MAX_IN_FLIGHT, Circuit, CircuitRules

NOW_MS = 1_772_000_000_000


def allowance(circuit: Circuit, now_ms: int = NOW_MS, *, in_flight: int = 0) -> int:
    return circuit.allowance(now_ms, in_flight=in_flight, max_in_flight=16)


def opened(version: int = 1) -> Circuit:
    circuit = Circuit(version=version)
    for number in range(20):
        circuit.on_started()
        circuit.on_failure(f"dlv_{number}", now_ms=NOW_MS)
    return circuit


def probe_fails(circuit: Circuit, now_ms: int) -> None:
    assert allowance(circuit, now_ms) == 1
    circuit.on_started()
    circuit.on_failure("dlv_probe", now_ms=now_ms)


def test_a_new_owner_starts_with_one_request_and_doubles_with_each_success():
    circuit = Circuit(version=1)
    allowed = [allowance(circuit)]
    for _ in range(6):
        circuit.on_started()
        circuit.on_success()
        allowed.append(allowance(circuit))
    assert allowed == [1, 2, 4, 8, 16, 16, 16]


def test_what_is_in_flight_counts_against_what_is_allowed():
    circuit = Circuit(version=1)
    assert allowance(circuit, in_flight=1) == 0
    circuit.on_success()
    assert allowance(circuit, in_flight=1) == 1
    assert allowance(circuit, in_flight=5) == 0


def test_no_number_of_successes_allows_more_than_any_endpoint_may_have():
    circuit = Circuit(version=1)
    for _ in range(1_000):
        circuit.on_success()
    assert circuit.allowance(NOW_MS, in_flight=0, max_in_flight=10**6) == MAX_IN_FLIGHT


def test_twenty_failures_in_a_row_open_it():
    circuit = Circuit(version=1)
    for number in range(19):
        circuit.on_failure(f"dlv_{number}", now_ms=NOW_MS)
    assert circuit.is_closed
    circuit.on_failure("dlv_19", now_ms=NOW_MS)
    assert not circuit.is_closed
    assert circuit.open_since_ms == NOW_MS
    assert allowance(circuit) == 0


@pytest.mark.parametrize("interrupt", [Circuit.on_success, Circuit.on_refusal])
def test_an_answer_in_between_begins_the_count_anew(interrupt: Callable[[Circuit], None]):
    circuit = Circuit(version=1)
    for number in range(19):
        circuit.on_failure(f"dlv_{number}", now_ms=NOW_MS)
    interrupt(circuit)
    for number in range(19):
        circuit.on_failure(f"dlv_{number}", now_ms=NOW_MS)
    assert circuit.is_closed
    circuit.on_failure("dlv_19", now_ms=NOW_MS)
    assert not circuit.is_closed


def test_one_delivery_alone_never_opens_it():
    circuit = Circuit(version=1)
    for _ in range(100):
        circuit.on_failure("dlv_1", now_ms=NOW_MS)
    assert circuit.is_closed
    circuit.on_failure("dlv_2", now_ms=NOW_MS)
    assert not circuit.is_closed


def test_a_probe_is_let_through_after_five_seconds():
    circuit = opened()
    assert circuit.next_probe_at_ms == NOW_MS + 5_000
    assert allowance(circuit, NOW_MS + 4_999) == 0
    assert allowance(circuit, NOW_MS + 5_000) == 1


def test_a_probe_is_alone():
    circuit = opened()
    assert allowance(circuit, NOW_MS + 5_000, in_flight=1) == 0


def test_the_wait_for_a_probe_doubles_up_to_five_minutes():
    circuit = opened()
    waits_ms: list[int] = []
    now_ms = NOW_MS
    for _ in range(9):
        assert circuit.next_probe_at_ms is not None
        waits_ms.append(circuit.next_probe_at_ms - now_ms)
        now_ms = circuit.next_probe_at_ms
        probe_fails(circuit, now_ms)
    assert waits_ms == [5_000, 10_000, 20_000, 40_000, 80_000, 160_000, *[300_000] * 3]
    assert circuit.open_since_ms == NOW_MS


def test_a_probe_that_succeeds_closes_it_and_it_starts_slowly():
    circuit = opened()
    circuit.on_started()
    circuit.on_success()
    assert circuit.is_closed
    assert circuit.open_since_ms is None
    assert circuit.next_probe_at_ms is None
    assert allowance(circuit) == 1
    circuit.on_success()
    assert allowance(circuit) == 2


def test_a_probe_that_is_answered_with_a_404_closes_it_too():
    circuit = opened()
    circuit.on_started()
    circuit.on_refusal()
    assert circuit.is_closed
    assert allowance(circuit) == 1


def test_what_was_in_flight_when_it_opened_is_no_probe():
    circuit = opened()
    circuit.on_failure("dlv_late", now_ms=NOW_MS + 1_000)
    circuit.on_refusal()
    assert circuit.next_probe_at_ms == NOW_MS + 5_000


def test_a_late_success_closes_it():
    circuit = opened()
    circuit.on_success()
    assert circuit.is_closed
    assert allowance(circuit) == 1


def test_a_refusal_allows_no_more_requests_at_a_time():
    circuit = Circuit(version=1)
    circuit.on_refusal()
    assert allowance(circuit) == 1


def test_after_closing_it_takes_twenty_failures_again():
    circuit = opened()
    circuit.on_started()
    circuit.on_success()
    for number in range(19):
        circuit.on_failure(f"dlv_{number}", now_ms=NOW_MS + 9_000)
    assert circuit.is_closed
    circuit.on_failure("dlv_19", now_ms=NOW_MS + 9_000)
    assert circuit.next_probe_at_ms == NOW_MS + 14_000


def test_a_gone_endpoint_is_left_alone_until_its_version_changes():
    circuit = Circuit(version=7)
    circuit.on_success()
    circuit.on_gone(version=7)
    circuit.on_success()
    assert circuit.is_gone
    assert not circuit.is_closed
    assert circuit.next_probe_at_ms is None
    assert allowance(circuit, NOW_MS + 10**9) == 0
    circuit.on_version(7, now_ms=NOW_MS)
    assert allowance(circuit) == 0
    circuit.on_version(8, now_ms=NOW_MS)
    assert not circuit.is_gone
    assert allowance(circuit) == 1


def test_a_410_for_an_older_version_says_nothing_of_the_present_one():
    circuit = Circuit(version=7)
    circuit.on_version(8, now_ms=NOW_MS)
    circuit.on_gone(version=7)
    assert allowance(circuit) == 1


def test_a_changed_endpoint_is_probed_at_once():
    circuit = opened(version=7)
    probe_fails(circuit, NOW_MS + 5_000)
    circuit.on_version(6, now_ms=NOW_MS + 6_000)
    assert allowance(circuit, NOW_MS + 6_000) == 0
    circuit.on_version(8, now_ms=NOW_MS + 6_000)
    probe_fails(circuit, NOW_MS + 6_000)
    assert circuit.next_probe_at_ms == NOW_MS + 16_000


def test_a_probe_whose_end_is_never_told_is_followed_by_another():
    circuit = opened()
    circuit.on_started()
    assert allowance(circuit, NOW_MS + 5_000) == 1
    probe_fails(circuit, NOW_MS + 5_000)
    assert circuit.next_probe_at_ms == NOW_MS + 15_000


def test_a_clock_that_was_set_back_does_not_leave_it_open():
    circuit = opened()
    assert allowance(circuit, NOW_MS - 1_000) == 1


def test_it_shows_its_state():
    assert repr(Circuit(version=1)) == "<Circuit closed allowed=1 failures=0>"
    assert repr(opened()) == f"<Circuit open next_probe_at_ms={NOW_MS + 5_000}>"
    gone = Circuit(version=3)
    gone.on_gone(version=3)
    assert repr(gone) == "<Circuit gone version=3>"


@dataclass
class Flying:
    delivery: str
    version: int
    is_probe: bool


class AnyOrder(RuleBasedStateMachine):
    """Attempts start and end in any order; a plain account of what happened is kept beside."""

    RULES = CircuitRules(failures=3)
    MAX_IN_FLIGHT = 4

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = NOW_MS
        self.version = 1
        self.circuit = Circuit(version=1, rules=self.RULES)
        self.flying: list[Flying] = []
        self.streak: list[str] = []
        self.successes = 0
        self.is_open = False
        self.is_gone = False
        self.failed_probes = 0
        self.last_failure_ms = 0

    def close(self) -> None:
        self.is_open = False
        self.successes = 0
        self.streak = []

    def end(self, choice: int) -> Flying:
        return self.flying.pop(choice % len(self.flying))

    @property
    def probe_at_ms(self) -> int:
        return self.last_failure_ms + min(5_000 * 2**self.failed_probes, 300_000)

    @rule(wait_ms=st.sampled_from([1, 1_000, 5_000, 10_000, 300_000]))
    def time_passes(self, wait_ms: int) -> None:
        self.now_ms += wait_ms

    @precondition(lambda self: self.allowed() > 0)
    @rule(delivery=st.sampled_from(["a", "b"]))
    def an_attempt_starts(self, delivery: str) -> None:
        assert not self.is_gone
        assert not (self.is_open and self.flying)
        self.flying.append(Flying(delivery, self.version, is_probe=self.is_open))
        self.circuit.on_started()

    @precondition(lambda self: self.flying)
    @rule(choice=st.integers(0, 3))
    def one_succeeds(self, choice: int) -> None:
        self.end(choice)
        self.circuit.on_success()
        if self.is_open:
            self.close()
        else:
            self.successes += 1
            self.streak = []

    @precondition(lambda self: self.flying)
    @rule(choice=st.integers(0, 3))
    def one_is_refused(self, choice: int) -> None:
        ended = self.end(choice)
        self.circuit.on_refusal()
        if not self.is_open:
            self.streak = []
        elif ended.is_probe:
            self.close()

    @precondition(lambda self: self.flying)
    @rule(choice=st.integers(0, 3))
    def one_fails(self, choice: int) -> None:
        ended = self.end(choice)
        self.circuit.on_failure(ended.delivery, now_ms=self.now_ms)
        if not self.is_open:
            self.streak.append(ended.delivery)
            if len(self.streak) >= 3 and len(set(self.streak)) >= 2:
                self.is_open = True
                self.failed_probes = 0
                self.last_failure_ms = self.now_ms
        elif ended.is_probe:
            self.failed_probes += 1
            self.last_failure_ms = self.now_ms

    @precondition(lambda self: self.flying)
    @rule(choice=st.integers(0, 3))
    def one_finds_it_gone(self, choice: int) -> None:
        ended = self.end(choice)
        self.circuit.on_gone(version=ended.version)
        self.is_gone = self.is_gone or ended.version == self.version

    @precondition(lambda self: self.flying)
    @rule(choice=st.integers(0, 3))
    def one_is_never_told_of_again(self, choice: int) -> None:
        self.end(choice)

    @precondition(lambda self: not self.is_open)
    @rule()
    def the_endpoint_changes(self) -> None:
        self.version += 1
        self.circuit.on_version(self.version, now_ms=self.now_ms)
        if self.is_gone:
            self.is_gone = False
            self.close()

    def allowed(self, now_ms: int | None = None) -> int:
        return self.circuit.allowance(
            self.now_ms if now_ms is None else now_ms,
            in_flight=len(self.flying),
            max_in_flight=self.MAX_IN_FLIGHT,
        )

    @invariant()
    def exactly_so_many_may_start(self) -> None:
        if self.is_gone:
            expected = 0
        elif self.is_open:
            expected = int(not self.flying and self.now_ms >= self.probe_at_ms)
        else:
            expected = max(min(2**self.successes, self.MAX_IN_FLIGHT) - len(self.flying), 0)
        assert self.allowed() == expected

    @invariant()
    def it_is_never_shut_for_good(self) -> None:
        if not self.is_gone and not self.flying:
            assert self.allowed(self.now_ms + 300_000) >= 1

    @invariant()
    def it_tells_its_state(self) -> None:
        assert self.circuit.is_gone == self.is_gone
        assert self.circuit.is_closed == (not self.is_open and not self.is_gone)
        is_probing_later = self.is_open and not self.is_gone
        assert self.circuit.next_probe_at_ms == (self.probe_at_ms if is_probing_later else None)


AnyOrder.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestAnyOrder = AnyOrder.TestCase
