"""The audit log's words: who changed what, and how it was before and after, without any secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

MASK: Final = "***"
CHANGED_MASK: Final = "*** (another one)"
"""Stands where a secret was replaced: that it was is told, and nothing of it."""


class Author(NamedTuple):
    """Who makes a change."""

    who: str
    """The id of an API key, an operator's name, or the account that a link was made for."""
    via: str
    """`api`, `console` or `command`."""


class Action(NamedTuple):
    """Something that was done, and that changes nothing in the store."""

    kind: str
    """`replay`, `redrive`, `trigger`, `retry_now`, `drop`, `sample` or `console_link`."""
    subject: str
    """What it was done to, or what was made by it."""
    account: str | None
    asked: Mapping[str, object]


class AuditEntry(NamedTuple):
    """One change, as the store keeps it."""

    sequence: int
    at_ms: int
    who: str
    via: str
    kind: str
    """What was changed: `account`, `endpoint`, `relation`, `key`, `profile`, `event_type`,
    `operator`; or an action's kind."""
    subject: str
    """Its id."""
    account: str | None
    """Whose it is; None: the operator's alone."""
    before: str | None
    """JSON; None: it was not there."""
    after: str | None
    """JSON; None: it is gone."""

    @property
    def verb(self) -> str:
        """What was done, in a word."""
        if self.before is None:
            return "created"
        return "removed" if self.after is None else "changed"


def masked(
    before: Mapping[str, object] | None, after: Mapping[str, object] | None, *, secret: str
) -> tuple[dict[str, object] | None, dict[str, object] | None]:
    """Both without what is secret; where that changed, the later one says so."""
    hidden_before = _hidden(before, secret, MASK)
    is_other = before is not None and after is not None and before.get(secret) != after.get(secret)
    return hidden_before, _hidden(after, secret, CHANGED_MASK if is_other else MASK)


def _hidden(
    values: Mapping[str, object] | None, secret: str, mask: str
) -> dict[str, object] | None:
    if values is None:
        return None
    return {
        name: (mask if name == secret and value is not None else value)
        for name, value in values.items()
    }
