"""Operators, sessions and the audit log for a process that does not need the store to start."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pipeline.domain.audit import AuditEntry, Author
from pipeline.operating import AuditLog, Operator, OperatorStore, Session


class LateOperating:
    """Implements `OperatorStore` and `AuditLog`; what it is made with raises StoreFailed before."""

    def __init__(
        self, operators: Callable[[], OperatorStore], audit: Callable[[], AuditLog]
    ) -> None:
        self._operators = operators
        self._audit = audit

    def operator(self, name: str) -> Operator | None:
        return self._operators().operator(name)

    def operators(self) -> list[Operator]:
        return self._operators().operators()

    def put_operator(self, operator: Operator, by: Author | None = None) -> None:
        self._operators().put_operator(operator, by)

    def remove_operator(self, name: str, by: Author | None = None) -> bool:
        return self._operators().remove_operator(name, by)

    def session(self, token_hash: bytes) -> Session | None:
        return self._operators().session(token_hash)

    def add_session(self, session: Session) -> None:
        self._operators().add_session(session)

    def note_seen(self, token_hash: bytes, seen_at_ms: int) -> None:
        self._operators().note_seen(token_hash, seen_at_ms)

    def end_session(self, token_hash: bytes) -> None:
        self._operators().end_session(token_hash)

    def entries(
        self, *, account: str | None, before: int | None, limit: int
    ) -> Sequence[AuditEntry]:
        return self._audit().entries(account=account, before=before, limit=limit)
