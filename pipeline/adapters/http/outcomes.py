"""What became of a request, in the words of those who asked for it."""

from __future__ import annotations

import asyncio

from pipeline.adapters.http.exchange import Answer, Blocked, Phases, SendFailed, TimedOut
from pipeline.adapters.http.transfer import OnEnd
from pipeline.domain.addresses import REFUSED_TARGET
from pipeline.domain.delivery import Outcome
from pipeline.ports import Sent

Headers = tuple[tuple[str, str], ...]


def refused(answer: Answer) -> Sent:
    """A whole answer that acknowledges nothing, with all that came."""
    return Sent(
        Outcome.REFUSED,
        answer.status,
        answer.headers(),
        answer.body,
        phases=_phase_times(answer.phases),
        address=answer.address,
    )


def not_sent(failure: SendFailed) -> Sent:
    """No whole answer. What tenants may not read of a refused address is in the log alone."""
    phases = None if failure.phases is None else _phase_times(failure.phases)
    if isinstance(failure, Blocked):
        return Sent(Outcome.BLOCKED, error=REFUSED_TARGET, address=failure.address)
    outcome = Outcome.TIMED_OUT if isinstance(failure, TimedOut) else Outcome.UNREACHABLE
    return Sent(outcome, error=str(failure), phases=phases, address=failure.address)


def _phase_times(phases: Phases) -> dict[str, float]:
    return {
        "dns": phases.dns_ms,
        "connect": phases.connect_ms,
        "tls": phases.tls_ms,
        "first_byte": phases.first_byte_ms,
        "total": phases.total_ms,
    }


class RefusedDestination:
    """What nothing can be sent to."""

    def __init__(self, sent: Sent) -> None:
        self._sent = sent

    def post(self, _headers: Headers, _body: bytes, on_end: OnEnd) -> RefusedPosting:
        """End at once, as all others to it."""
        return RefusedPosting(self._sent, on_end)


class RefusedPosting:
    """A request that was never made."""

    def __init__(self, sent: Sent, on_end: OnEnd) -> None:
        self._sent = sent
        self._end = asyncio.get_running_loop().call_soon(on_end)

    def result(self) -> Sent:
        """Why not."""
        return self._sent

    def close(self) -> None:
        """Nobody asks for the result any more."""
        self._end.cancel()
