"""What the console and the audit log ask of the store: operators, their sessions, who changed what.

Blocking: called in threads. Everything raises `ports.StoreFailed` where the store cannot be asked
now.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pipeline.domain.audit import AuditEntry, Author


@dataclass(frozen=True, slots=True)
class Operator:
    """A person who signs in with a password."""

    name: str
    password_hash: str = field(repr=False)
    """Argon2id, in its own text form."""
    created_at_ms: int


@dataclass(frozen=True, slots=True)
class Session:
    """An operator who has signed in."""

    token_hash: bytes = field(repr=False)
    """SHA-256 of the token, which its browser alone has."""
    operator: str
    """A name, or the id of the operator's key."""
    created_at_ms: int
    seen_at_ms: int
    expires_at_ms: int


class OperatorStore(Protocol):
    """Operators and sessions."""

    def operator(self, name: str) -> Operator | None: ...

    def put_operator(self, operator: Operator, by: Author | None = None) -> None:
        """Where there is one of this name, its password is replaced, and its sessions end.

        It is in the audit log where somebody is named who does it.
        """
        ...

    def remove_operator(self, name: str, by: Author | None = None) -> bool:
        """And its sessions; whether there was one. It is in the audit log as above."""
        ...

    def operators(self) -> list[Operator]: ...

    def session(self, token_hash: bytes) -> Session | None: ...

    def add_session(self, session: Session) -> None:
        """Sessions that are over by then are forgotten."""
        ...

    def note_seen(self, token_hash: bytes, seen_at_ms: int) -> None: ...

    def end_session(self, token_hash: bytes) -> None: ...


class AuditLog(Protocol):
    """Reads the audit log."""

    def entries(
        self, *, account: str | None, before: int | None, limit: int
    ) -> Sequence[AuditEntry]:
        """The newest first; account None: everybody's. `before`: a sequence to go on behind."""
        ...
