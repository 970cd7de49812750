"""The circuit as attempts tell of it is the circuit that made them."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.circuit import Circuit
from pipeline.domain.circuit_history import OpenSince, PastTry, open_circuit
from pipeline.domain.delivery import Outcome

START_MS = 1_772_000_000_000
LASTS_MS = 40


def tried(
    number: int, at_ms: int, *, outcome: Outcome = Outcome.REFUSED, status: int | None = 503
) -> PastTry:
    return PastTry(f"dlv_{number}", at_ms, LASTS_MS, outcome.value, status)


def failing(count: int) -> list[PastTry]:
    return [tried(number, START_MS + number * 100) for number in range(count)]


def test_it_opens_with_the_twentieth_failure_and_is_probed_five_seconds_later():
    assert open_circuit(failing(19), changed_at_ms=0) is None
    since_ms = START_MS + 1_900 + LASTS_MS
    assert open_circuit(failing(20), changed_at_ms=0) == OpenSince(since_ms, since_ms + 5_000)


def test_each_probe_that_fails_doubles_the_wait_and_one_that_succeeds_closes_it():
    probe = tried(20, START_MS + 10_000)
    ended_ms = probe.ended_at_ms
    found = open_circuit([*failing(20), probe], changed_at_ms=0)
    assert found is not None
    assert found.next_probe_at_ms == ended_ms + 10_000
    well = tried(21, START_MS + 20_000, outcome=Outcome.ACCEPTED, status=200)
    assert open_circuit([*failing(20), probe, well], changed_at_ms=0) is None
    refused = tried(21, START_MS + 20_000, status=404)
    assert open_circuit([*failing(20), probe, refused], changed_at_ms=0) is None


def test_many_attempts_of_one_delivery_open_nothing():
    same = [each._replace(delivery="dlv_1") for each in failing(40)]
    assert open_circuit(same, changed_at_ms=0) is None


def test_a_change_of_the_endpoint_has_it_probed_at_once():
    changed_ms = START_MS + 60_000
    found = open_circuit(failing(20), changed_at_ms=changed_ms)
    assert found is not None
    assert found.next_probe_at_ms == changed_ms


@given(
    answers=st.lists(st.sampled_from([200, 404, 429, 503, None]), max_size=80),
    order=st.randoms(use_true_random=False),
)
def test_whatever_the_answers_were_it_stands_as_the_senders_own_did(
    answers: list[int | None], order: random.Random
):
    circuit, now_ms = Circuit(version=1), START_MS
    made: list[PastTry] = []
    for number, status in enumerate(answers):
        now_ms = max(now_ms + 1, circuit.next_probe_at_ms or 0)
        circuit.on_started()
        ended_ms = now_ms + LASTS_MS
        outcome = Outcome.UNREACHABLE if status is None else Outcome.REFUSED
        if status == 200:
            outcome = Outcome.ACCEPTED
            circuit.on_success()
        elif status == 404:
            circuit.on_refusal()
        else:
            circuit.on_failure(f"dlv_{number}", now_ms=ended_ms)
        made.append(tried(number, now_ms, outcome=outcome, status=status))
        now_ms = ended_ms
    order.shuffle(made)
    found = open_circuit(made, changed_at_ms=0)
    own = None
    if circuit.open_since_ms is not None:
        own = OpenSince(circuit.open_since_ms, circuit.next_probe_at_ms or 0)
    assert found == own
