"""Which answers acknowledge, which end a delivery, and which speak against the endpoint."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pipeline.domain.delivery import Outcome, Reason

GONE: Final = 410
_ANY_2XX: Final = frozenset(range(200, 300))
_CLIENT_ERRORS: Final = range(400, 500)
_SERVER_ERRORS: Final = range(500, 600)
_TOO_MANY_REQUESTS: Final = 429
_ALWAYS_RETRIED: Final = frozenset({408, 425, _TOO_MANY_REQUESTS})
_FAILED_ATTEMPTS: Final = frozenset({Outcome.TIMED_OUT, Outcome.UNREACHABLE, Outcome.BLOCKED})


class InvalidAcknowledgement(ValueError):
    """A profile counts statuses in a way that no profile may; the message says which."""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """How a profile reads the status of an answer.

    Raises:
        InvalidAcknowledgement: `acknowledged` leaves 2xx or is empty, or `final` has a status that
            is always retried (408, 425, 429, 5xx) or that is no failure of the receiver's making.
    """

    acknowledged: frozenset[int] = _ANY_2XX
    """Statuses that acknowledge a delivery: 2xx, or fewer."""
    final: frozenset[int] = frozenset()
    """4xx statuses after which a delivery is not tried again."""
    gone_disables: bool = False
    """Whether a 410 ends the delivery as `gone` and deactivates its endpoint."""

    def __post_init__(self) -> None:
        if not self.acknowledged or not self.acknowledged <= _ANY_2XX:
            raise InvalidAcknowledgement(
                f"acknowledged: {_listed(self.acknowledged - _ANY_2XX)}: name statuses of 200-299,"
                " at least one; a redirect or an error acknowledges nothing"
            )
        wrong = {status for status in self.final if not _may_be_final(status)}
        if wrong:
            raise InvalidAcknowledgement(
                f"final: {_listed(wrong)}: only 4xx can be final, without 408, 425 and 429,"
                " which like 5xx are always tried again"
            )

    def outcome(self, status: int) -> Outcome:
        """What an answer with this status is: accepted or refused. A redirect is refused."""
        return Outcome.ACCEPTED if status in self.acknowledged else Outcome.REFUSED

    def end(self, status: int | None) -> Reason | None:
        """Why a refusal with this status ends the delivery at once; None if it is tried again."""
        if status == GONE and self.gone_disables:
            return Reason.GONE
        return Reason.FINAL if status in self.final else None

    def counts_against(self, outcome: Outcome, status: int | None) -> bool:
        """Whether an attempt is one of the failures that open its endpoint's circuit."""
        return counts_against(outcome, status)


def counts_against(outcome: Outcome, status: int | None) -> bool:
    """Whether an attempt is one of the failures that open its endpoint's circuit.

    Those are time-outs, failures to connect, 429 and 5xx. An address that must not be dialled is a
    failure to connect: what its name resolves to may change, and until it does every delivery of
    the endpoint fails alike. Another refusal speaks against one delivery, not against the endpoint.
    """
    if outcome == Outcome.REFUSED:
        return status == _TOO_MANY_REQUESTS or status in _SERVER_ERRORS
    return outcome in _FAILED_ATTEMPTS


def _may_be_final(status: int) -> bool:
    return status in _CLIENT_ERRORS and status not in _ALWAYS_RETRIED


def _listed(statuses: Iterable[int]) -> str:
    return ", ".join(str(status) for status in sorted(statuses)[:10]) or "no status"
