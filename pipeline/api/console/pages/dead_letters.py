"""Dead letters: by their reasons, one by one, and sent again."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from starlette.responses import Response

from pipeline.api.console.api_calls import Document
from pipeline.api.console.given import asked_filters, in_utc, whole_number, with_times_in_utc
from pipeline.api.console.visit import Visit
from pipeline.api.problems import Problem, not_found

FILTERS: Final = ("account", "endpoint", "reason", "type", "since", "until")
_LIMIT: Final = "50"
_SHOWN_REDRIVES: Final = "5"
_NO_LETTERS: Final = frozenset(("counts", "redrive"))
"""Words below the API's path that are no letters' ids."""
REASONS: Final = {
    "exhausted": "Every attempt of its schedule failed.",
    "final": "The endpoint gave an answer that its settings call final.",
    "gone": "The endpoint answered 410: it wants nothing more.",
    "expired": "It waited too long for its delivery.",
    "inactive": "Its endpoint was inactive.",
    "endpoint_removed": "Its endpoint was removed.",
    "endpoint_unavailable": "The endpoint's circuit stayed open too long.",
    "no_subject": "The endpoint needs a subject, and the event has none.",
    "undecodable": "The record could not be read.",
    "oversize": "It is larger than what may be sent.",
    "crashed": "A process died of it, again and again.",
    "dropped": "Its owner did not want it any more.",
}


async def dead_letters(visit: Visit) -> Response:
    """How many of each reason, and the newest."""
    wanted = asked_filters(visit, FILTERS)
    try:
        found, counts = await _found(visit, wanted)
        problem = None
    except Problem as refused:
        if refused.status != HTTPStatus.UNPROCESSABLE_ENTITY:
            raise
        found, counts, problem = _NO_LETTERS_AT_ALL, _NO_COUNTS, refused
    redrives = await visit.api.get("/v1/dead-letters/redrive", {"limit": _SHOWN_REDRIVES})
    return visit.page(
        "dead_letters_live.html" if visit.is_fragment else "dead_letters.html",
        HTTPStatus.OK if problem is None else problem.status,
        letters=found["items"],
        next=found["next"],
        counts=counts,
        redrives=redrives["items"],
        wanted=wanted,
        query=urlencode(wanted),
        query_of_others=urlencode(_without(wanted, "reason")),
        reasons=REASONS,
        is_live=problem is None and not visit.asked("cursor"),
        problem=problem,
    )


async def dead_letter(visit: Visit) -> Response:
    """One of them."""
    letter_id = visit.part("letter")
    if letter_id.split("/")[0] in _NO_LETTERS or not letter_id.isprintable():
        raise not_found("There is no such dead letter.")
    letter = await visit.api.get(f"/v1/dead-letters/{letter_id}")
    return visit.page("dead_letter.html", letter=letter, reasons=REASONS)


async def ask_redrive(visit: Visit) -> Response:
    """How many would be sent again, before anything is."""
    ids = visit.request.query_params.getlist("id")
    return await _asked(visit, ids, wanted=asked_filters(visit, FILTERS))


async def redrive(visit: Visit) -> Response:
    """Send them again, and show how far that is."""
    form = visit.form
    ids = form.texts("id")
    wanted = {name: form.text(name) for name in FILTERS if form.text(name)}
    try:
        made = await visit.api.post("/v1/dead-letters/redrive", _order(visit, ids, wanted))
    except Problem as problem:
        return await _asked(visit, ids, wanted=wanted, problem=problem)
    return visit.to(f"/dead-letters/redrives/{made['id']}")


async def _asked(
    visit: Visit, ids: list[str], *, wanted: dict[str, str], problem: Problem | None = None
) -> Response:
    wanted = {} if ids else wanted
    counts = _NO_COUNTS
    if not ids:
        try:
            counts = await visit.api.get("/v1/dead-letters/counts", with_times_in_utc(wanted))
        except Problem as refused:
            problem = problem or refused
    return visit.page(
        "redrive.html",
        HTTPStatus.OK if problem is None else problem.status,
        ids=ids,
        wanted=wanted,
        counts={**counts, "total": len(ids)} if ids else counts,
        query=urlencode(wanted),
        given={"rate": visit.form.text("rate")},
        problem=problem,
    )


async def _found(visit: Visit, wanted: dict[str, str]) -> tuple[Document, Document]:
    asked = with_times_in_utc(wanted)
    listed = {**asked, "cursor": visit.asked("cursor"), "limit": _LIMIT}
    letters, counts = await asyncio.gather(
        visit.api.get("/v1/dead-letters", listed),
        visit.api.get("/v1/dead-letters/counts", {**asked, "reason": None}),
    )
    return letters, counts


def _order(visit: Visit, ids: list[str], wanted: dict[str, str]) -> dict[str, Any]:
    rate = whole_number(visit.form.text("rate"), "/rate")
    order: dict[str, Any] = {} if rate is None else {"rate": rate}
    if ids:
        return {**order, "ids": ids}
    order |= {name: wanted[name] for name in ("endpoint", "reason") if name in wanted}
    if "account" in wanted and "endpoint" not in wanted:
        order["account"] = wanted["account"]
    if "type" in wanted:
        order["event_types"] = [wanted["type"]]
    times = {name: in_utc(wanted.get(name, "")) for name in ("since", "until")}
    return {**order, **{name: time for name, time in times.items() if time}}


def _without(wanted: dict[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in wanted.items() if key != name}


_NO_LETTERS_AT_ALL: Final[Document] = {"items": [], "next": None}
_NO_COUNTS: Final[Document] = {"items": [], "total": 0, "complete": True}
