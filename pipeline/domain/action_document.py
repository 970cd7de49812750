"""What is written beside an action on an endpoint: activating, deactivating, a new secret."""

from __future__ import annotations

from typing import Final

from pipeline.domain.auth_document import secret_text
from pipeline.domain.document import DocumentError, Fields, duration_of
from pipeline.domain.endpoint_status import Waiting

MAX_REASON_CHARS: Final = 200
MAX_OVERLAP_MS: Final = 30 * 86_400_000


def read_waiting(document: object) -> Waiting | None:
    """`{waiting}` of an activation; None where nothing is said. Raises DocumentError."""
    fields = Fields(document, "", known=("waiting",))
    return fields.choice("waiting", Waiting.SEND) if "waiting" in fields else None


def read_reason(document: object) -> str | None:
    """`{reason}` of a deactivation; None where nothing is said. Raises DocumentError."""
    fields = Fields(document, "", known=("reason",))
    if "reason" not in fields:
        return None
    reason = fields.text("reason")
    if not reason or len(reason) > MAX_REASON_CHARS or not reason.isprintable():
        raise DocumentError("/reason", f"write 1 to {MAX_REASON_CHARS} printable characters")
    return reason


def read_rotation(document: object) -> tuple[str | None, int | None]:
    """`{secret, overlap}`: a secret that is given, and the overlap in milliseconds, or None each.

    Raises:
        DocumentError: the overlap is no duration, or longer than 30 days.
    """
    fields = Fields(document, "", known=("secret", "overlap"))
    overlap_ms = fields.optional("overlap", duration_of)
    if overlap_ms is not None and overlap_ms > MAX_OVERLAP_MS:
        raise DocumentError("/overlap", "write 0s to 30d")
    return secret_text(fields, "secret") if "secret" in fields else None, overlap_ms
