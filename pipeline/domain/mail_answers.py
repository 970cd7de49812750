"""How an SMTP server's answer to a mail is read (RFC 5321, section 4.2.1).

5yz about the recipient or the message is permanent, 4yz is transient: the other way round than in
HTTP, where a 5xx is tried again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pipeline.domain.delivery import Outcome, Reason

_PERMANENT: Final = range(500, 600)


@dataclass(frozen=True, slots=True)
class MailAcknowledgement:
    """What `Acknowledgement` is for requests."""

    def end(self, status: int | None) -> Reason | None:
        """Why a refusal with this code ends the delivery at once; None if it is tried again."""
        return Reason.FINAL if status in _PERMANENT else None

    def counts_against(self, outcome: Outcome, status: int | None) -> bool:  # noqa: ARG002 - as of requests
        """Whether an attempt is one of the failures that open its endpoint's circuit: any is.

        A mailbox that is refused again and again, for now or for good, must not be tried again and
        again: that costs the operator's server its reputation.
        """
        return outcome is not Outcome.ACCEPTED
