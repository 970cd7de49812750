"""What an endpoint's recorded attempts say of its circuit: the same rule, applied once more.

The circuit itself is in the memory of the one sender that owns the endpoint. Whoever has its
attempts comes to the same state, because the circuit knows nothing else; but for a new owner, who
begins with a closed one and learns by twenty failures what its predecessor knew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from pipeline.domain.acknowledgement import counts_against
from pipeline.domain.circuit import Circuit
from pipeline.domain.delivery import Outcome

_AT_FIRST: Final = 1
_CHANGED: Final = 2


class PastTry(NamedTuple):
    """An attempt, as far as it speaks of its endpoint."""

    delivery: str
    started_at_ms: int
    duration_ms: float
    outcome: str
    status: int | None

    @property
    def ended_at_ms(self) -> int:
        return self.started_at_ms + int(self.duration_ms)


class OpenSince(NamedTuple):
    """An open circuit."""

    since_ms: int
    next_probe_at_ms: int
    """In the past where nothing has been there to try since."""


def open_circuit(tries: Sequence[PastTry], *, changed_at_ms: int) -> OpenSince | None:
    """The circuit after these attempts, in any order; None: it is closed.

    `changed_at_ms`: when the endpoint itself was changed last, which has an open one probe at once.
    """
    circuit = Circuit(version=_AT_FIRST)
    steps = [(each.started_at_ms, 1, number) for number, each in enumerate(tries)]
    steps += [(each.ended_at_ms, 2, number) for number, each in enumerate(tries)]
    steps.append((changed_at_ms, 0, 0))
    for at_ms, kind, number in sorted(steps):
        if kind == 0:
            circuit.on_version(_CHANGED, now_ms=at_ms)
        elif kind == 1:
            circuit.on_started()
        else:
            _end(circuit, tries[number], now_ms=at_ms)
    since_ms, probe_ms = circuit.open_since_ms, circuit.next_probe_at_ms
    return None if since_ms is None or probe_ms is None else OpenSince(since_ms, probe_ms)


def _end(circuit: Circuit, tried: PastTry, *, now_ms: int) -> None:
    outcome = Outcome(tried.outcome)
    if outcome is Outcome.ACCEPTED:
        circuit.on_success()
    elif counts_against(outcome, tried.status):
        circuit.on_failure(tried.delivery, now_ms=now_ms)
    else:
        circuit.on_refusal()
