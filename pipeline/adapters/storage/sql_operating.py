"""Operators, sessions and the audit log over SQLAlchemy Core."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import delete, insert, select, update

from pipeline.adapters.storage.audit_trail import AuditTrail
from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.operating_tables import (
    audit_log,
    console_operators,
    console_sessions,
)
from pipeline.adapters.storage.registry_statements import upsert
from pipeline.domain.audit import AuditEntry, Author
from pipeline.operating import Operator, Session

_SESSION = console_sessions.c


class SqlOperating:
    """Implements `OperatorStore` and `AuditLog`. May be used by several threads at once."""

    __slots__ = ("_store",)

    def __init__(self, store: Store) -> None:
        self._store = store

    def operator(self, name: str) -> Operator | None:
        found = select(console_operators).where(console_operators.c.name == name)
        with self._store.reading() as connection:
            row = connection.execute(found).mappings().one_or_none()
        return None if row is None else Operator(**row)

    def operators(self) -> list[Operator]:
        found = select(console_operators).order_by(console_operators.c.name)
        with self._store.reading() as connection:
            return [Operator(**row) for row in connection.execute(found).mappings()]

    def put_operator(self, operator: Operator, by: Author | None = None) -> None:
        with self._store.writing() as connection:
            AuditTrail(connection, by).note_put(console_operators, asdict(operator))
            upsert(connection, console_operators, asdict(operator))
            connection.execute(delete(console_sessions).where(_SESSION.operator == operator.name))

    def remove_operator(self, name: str, by: Author | None = None) -> bool:
        with self._store.writing() as connection:
            AuditTrail(connection, by).note_removal(console_operators, name)
            connection.execute(delete(console_sessions).where(_SESSION.operator == name))
            removed = connection.execute(
                delete(console_operators).where(console_operators.c.name == name)
            )
            return removed.rowcount > 0

    def session(self, token_hash: bytes) -> Session | None:
        found = select(console_sessions).where(_SESSION.token_hash == token_hash)
        with self._store.reading() as connection:
            row = connection.execute(found).mappings().one_or_none()
        return None if row is None else Session(**row)

    def add_session(self, session: Session) -> None:
        with self._store.writing() as connection:
            over = _SESSION.expires_at_ms <= session.created_at_ms
            connection.execute(delete(console_sessions).where(over))
            connection.execute(insert(console_sessions).values(asdict(session)))

    def note_seen(self, token_hash: bytes, seen_at_ms: int) -> None:
        with self._store.writing() as connection:
            connection.execute(
                update(console_sessions)
                .where(_SESSION.token_hash == token_hash, _SESSION.seen_at_ms < seen_at_ms)
                .values(seen_at_ms=seen_at_ms)
            )

    def end_session(self, token_hash: bytes) -> None:
        with self._store.writing() as connection:
            connection.execute(delete(console_sessions).where(_SESSION.token_hash == token_hash))

    def entries(
        self, *, account: str | None, before: int | None, limit: int
    ) -> Sequence[AuditEntry]:
        table = audit_log.c
        wanted = select(audit_log).order_by(table.sequence.desc()).limit(limit)
        if account is not None:
            wanted = wanted.where(table.account == account)
        if before is not None:
            wanted = wanted.where(table.sequence < before)
        with self._store.reading() as connection:
            return [AuditEntry(*row) for row in connection.execute(wanted)]
