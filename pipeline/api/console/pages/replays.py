"""Replays: past events routed again, counted first."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from starlette.responses import Response

from pipeline.api.console.forms import Form
from pipeline.api.console.given import in_utc, pieces, whole_number
from pipeline.api.console.visit import Visit
from pipeline.api.problems import Problem
from pipeline.api.times import time_text

_LIMIT: Final = "20"
_DAY_MS: Final = 86_400_000
_SECOND_MS: Final = 1_000
_FIELDS: Final = ("endpoint", "account", "since", "until", "event_types", "only", "rate")


async def replays(visit: Visit) -> Response:
    """The form, and all that there were."""
    whole_ms = (visit.now_ms - _DAY_MS) // _SECOND_MS * _SECOND_MS
    given = {name: visit.asked(name) for name in _FIELDS}
    given["since"] = given["since"] or time_text(whole_ms) or ""
    return await _page(visit, {**given, "new_ids": visit.asked("new_ids")})


async def create(visit: Visit) -> Response:
    """Order it, or count what it would send."""
    try:
        made = await visit.api.post("/v1/replays", _order(visit.form))
    except Problem as problem:
        given = {name: visit.form.text(name) for name in (*_FIELDS, "new_ids")}
        return await _page(visit, given, problem)
    return visit.to(f"/replays/{made['id']}")


async def _page(visit: Visit, given: dict[str, str], problem: Problem | None = None) -> Response:
    found = await visit.api.get("/v1/replays", {"cursor": visit.asked("cursor"), "limit": _LIMIT})
    return visit.page(
        "replays.html",
        HTTPStatus.OK if problem is None else problem.status,
        replays=found["items"],
        next=found["next"],
        given=given,
        problem=problem,
    )


def _order(form: Form) -> dict[str, Any]:
    """Raises Problem (422)."""
    rate = whole_number(form.text("rate"), "/rate")
    return {
        **{name: form.text(name) or None for name in ("endpoint", "account")},
        "since": in_utc(form.text("since")) or "",
        "until": in_utc(form.text("until")),
        "event_types": pieces(form.text("event_types")),
        "only": form.text("only") or "all",
        "new_ids": form.has("new_ids"),
        "dry_run": form.has("dry_run"),
        **({} if rate is None else {"rate": rate}),
    }
