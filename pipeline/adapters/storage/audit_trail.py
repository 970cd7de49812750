"""Writes down who changes what, in the transaction of the change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

import msgspec
from sqlalchemy import Connection, Table, and_, insert, select

from pipeline.adapters.storage.operating_tables import audit_log
from pipeline.clock import now_ms
from pipeline.domain.audit import Action, Author, masked
from pipeline.domain.relation import Relation

_KINDS: Final = {
    "accounts": "account",
    "endpoints": "endpoint",
    "api_keys": "key",
    "profiles": "profile",
    "event_types": "event_type",
    "console_operators": "operator",
}
_SECRETS: Final = {"endpoints": "sealed", "console_operators": "password_hash"}
_UNTOLD: Final = {"api_keys": "hash"}
"""Of no use to a reader."""
_DOCUMENT: Final = "document"
_REMOVED: Final = "removed"

_encoder = msgspec.json.Encoder(order="sorted")

Values = Mapping[str, object]
_States = tuple[Values | None, Values | None]


class AuditTrail:
    """Of one transaction. Without an author it writes nothing: nobody asked for the change."""

    __slots__ = ("_author", "_connection")

    def __init__(self, connection: Connection, author: Author | None) -> None:
        self._connection = connection
        self._author = author

    @property
    def is_kept(self) -> bool:
        """Whether anything is written."""
        return self._author is not None

    def note_put(self, table: Table, values: Values) -> None:
        """Before the row is written."""
        if self._author is None:
            return
        keys = list(table.primary_key)
        found = self._connection.execute(
            select(table).where(and_(*(column == values[column.name] for column in keys)))
        )
        row = found.mappings().one_or_none()
        before = None if row is None else _told(table, dict(row))
        self._note_masked(table, before, _told(table, values), str(values[keys[0].name]))

    def note_removal(self, table: Table, key: str) -> None:
        """Before the row of this key is removed."""
        if self._author is None:
            return
        (column,) = table.primary_key
        row = self._connection.execute(select(table).where(column == key)).mappings().one_or_none()
        if row is not None:
            self._note_masked(table, _told(table, dict(row)), None, key)

    def note_relation(
        self, account: str, company: str, states: tuple[Relation | None, Relation | None]
    ) -> None:
        """Before it is written; `states`: before and after."""
        before, after = states
        told = _relation_values(before), _relation_values(after)
        self._note("relation", f"{account}/{company}", account, states=told)

    def note_action(self, action: Action) -> None:
        """Nothing else says that it was done."""
        self._note(action.kind, action.subject, action.account, states=(None, action.asked))

    def _note(self, kind: str, subject: str, account: str | None, *, states: _States) -> None:
        before, after = states
        if self._author is None or before == after:
            return
        self._connection.execute(
            insert(audit_log).values(
                at_ms=now_ms(),
                who=self._author.who,
                via=self._author.via,
                kind=kind,
                subject=subject,
                account=account,
                before=_json(before),
                after=_json(after),
            )
        )

    def _note_masked(
        self, table: Table, before: Values | None, after: Values | None, subject: str
    ) -> None:
        kind = _KINDS[table.name]
        some = after if after is not None else before or {}
        account = some.get("id") if kind == "account" else some.get("account")
        if (secret := _SECRETS.get(table.name)) is not None:
            before, after = masked(before, after, secret=secret)
        after = None if after is not None and _is_removed(after) else after
        owner = None if account is None else str(account)
        self._note(kind, subject, owner, states=(before, after))


def _relation_values(relation: Relation | None) -> Values | None:
    return None if relation is None else {"star": relation.star, "data": dict(relation.data)}


def _is_removed(values: Values) -> bool:
    return values.get(_REMOVED) is True or values.get("status") == _REMOVED


def _told(table: Table, values: Values) -> dict[str, object]:
    told = dict(values)
    told.pop(_UNTOLD.get(table.name, ""), None)
    document = told.get(_DOCUMENT)
    if isinstance(document, str):
        del told[_DOCUMENT]
        opened = msgspec.json.decode(document)
        told.update(cast("dict[str, object]", opened) if isinstance(opened, dict) else {})
    return told


def _json(values: Values | None) -> str | None:
    return None if values is None else _encoder.encode(dict(values)).decode()
