"""The audit log: who changed what."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from pipeline.api.console.api_calls import part_of
from pipeline.api.console.visit import Visit

_LIMIT = "50"


async def audit(visit: Visit) -> Response:
    """The newest first."""
    asked = {"account": visit.asked("account"), "cursor": visit.asked("cursor"), "limit": _LIMIT}
    found = await visit.api.get("/v1/audit", asked)
    entries = [{**entry, "changes": _changes(entry)} for entry in found["items"]]
    return visit.page(
        "audit.html", entries=entries, next=found["next"], account=visit.asked("account")
    )


def _changes(entry: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """Field by field, what is different."""
    before, after = part_of(entry, "before"), part_of(entry, "after")
    return [
        (name, before.get(name), after.get(name))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]
