"""The log of deliveries: found by filters that the address keeps, one by one, and sent again."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from starlette.responses import Response

from pipeline.api.console.api_calls import path_of
from pipeline.api.console.pages.sent_request import sent_request
from pipeline.api.console.pages.verifying import snippet_of
from pipeline.api.console.visit import Visit
from pipeline.api.problems import Problem

FILTERS: Final = (
    *("account", "endpoint", "type", "status", "http_status", "cause"),
    *("subject", "event_id", "since", "until"),
)
_STATUSES: Final = ("pending", "held", "retrying", "delivered", "dead", "dropped")
_CAUSES: Final = ("event", "test", "trigger_again", "replay", "redrive")
_LIMIT: Final = "50"
_MOST_AT_ONCE: Final = 100
_NONE: Final = "none"


async def deliveries(visit: Visit) -> Response:
    """The list, or its rows alone."""
    return await _list(visit)


async def _list(visit: Visit, *, done: str = "", problem: Problem | None = None) -> Response:
    wanted = {name: visit.asked(name) for name in FILTERS if visit.asked(name)}
    cursor = visit.asked("cursor")
    found: dict[str, Any] = {"items": [], "next": None}
    try:
        asked = {**wanted, "since": _time(wanted.get("since")), "until": _time(wanted.get("until"))}
        found = await visit.api.get("/v1/deliveries", {**asked, "cursor": cursor, "limit": _LIMIT})
    except Problem as refused:
        if refused.status != HTTPStatus.UNPROCESSABLE_ENTITY:
            raise
        problem = refused
    if visit.is_fragment and visit.asked("shown") == _NONE:
        # There is no list yet that rows could be put into.
        return Response(status_code=HTTPStatus.NO_CONTENT, headers=_again(found["items"]))
    is_live = not cursor
    return visit.page(
        "deliveries_rows.html" if visit.is_fragment else "deliveries.html",
        HTTPStatus.OK if problem is None else problem.status,
        deliveries=found["items"],
        next=found["next"],
        wanted=wanted,
        query=urlencode(wanted),
        is_live=is_live,
        statuses=_STATUSES,
        causes=_CAUSES,
        problem=problem,
        done=done or visit.asked("done"),
    )


def _again(items: Sequence[Any]) -> dict[str, str]:
    return {"HX-Refresh": "true"} if items else {}


def _time(text: str | None) -> str | None:
    """What a browser's own field gives has no seconds and no zone: it is meant in UTC."""
    if text is None or not text or text.endswith("Z") or "+" in text:
        return text
    return f"{text}Z" if text.count(":") > 1 else f"{text}:00Z"


async def delivery(visit: Visit) -> Response:
    """One delivery with all that is known of it."""
    return await _shown(visit, None)


async def _shown(visit: Visit, problem: Problem | None) -> Response:
    path = path_of("deliveries", visit.part("delivery"))
    found = await visit.api.get(path)
    endpoint: dict[str, Any] | None = None
    try:
        endpoint = await visit.api.get(path_of("endpoints", found["endpoint"]))
    except Problem as missing:
        if missing.status != HTTPStatus.NOT_FOUND:
            raise
    return visit.page(
        "delivery.html",
        HTTPStatus.OK if problem is None else problem.status,
        delivery=found,
        endpoint=endpoint,
        sent=await sent_request(visit.api, found, endpoint),
        snippet=snippet_of(endpoint),
        problem=problem,
        done=visit.asked("done"),
    )


async def download(visit: Visit) -> Response:
    """The body as it was sent: as a file, which no browser opens."""
    path = path_of("deliveries", visit.part("delivery"), "download")
    found = await visit.api.answer("GET", path)
    names = (b"content-type", b"content-disposition", b"content-security-policy")
    headers = {
        name.decode("latin-1"): found.headers[name].decode("latin-1")
        for name in names
        if name in found.headers
    }
    return Response(found.body, headers=headers)


async def trigger(visit: Visit) -> Response:
    """Send one again."""
    try:
        made = await visit.api.post(path_of("deliveries", visit.part("delivery"), "trigger"))
    except Problem as problem:
        return await _shown(visit, problem)
    return visit.to(f"/deliveries/{made['id']}", done="triggered")


async def retry_now(visit: Visit) -> Response:
    """Make the next attempt at once."""
    delivery_id = visit.part("delivery")
    try:
        await visit.api.post(path_of("deliveries", delivery_id, "retry-now"))
    except Problem as problem:
        return await _shown(visit, problem)
    return visit.to(f"/deliveries/{delivery_id}", done="retried")


async def drop(visit: Visit) -> Response:
    """Send it no more."""
    delivery_id = visit.part("delivery")
    try:
        await visit.api.delete(path_of("deliveries", delivery_id))
    except Problem as problem:
        return await _shown(visit, problem)
    return visit.to(f"/deliveries/{delivery_id}", done="dropped")


async def trigger_several(visit: Visit) -> Response:
    """Send those again that were chosen, and say what became of each."""
    chosen = list(dict.fromkeys(visit.form.texts("delivery")))[:_MOST_AT_ONCE]
    refused: list[tuple[str, str]] = []
    made = 0
    for delivery_id in chosen:
        try:
            await visit.api.post(path_of("deliveries", delivery_id, "trigger"))
            made += 1
        except Problem as problem:
            refused.append((delivery_id, problem.detail))
    if refused:
        return visit.page(
            "triggered.html", made=made, refused=refused, query=visit.form.text("query")
        )
    words = "none_selected" if not chosen else f"{made} triggered again"
    return visit.to("/deliveries", done=words)
