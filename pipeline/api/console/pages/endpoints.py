"""Endpoints: how each does, one with all there is to say of it, and what can be done with it."""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import Any, Final

from starlette.responses import Response

from pipeline.api.console import charts
from pipeline.api.console.api_calls import Document, part_of, path_of
from pipeline.api.console.visit import Page, Visit
from pipeline.api.problems import Problem
from pipeline.domain.durations import InvalidDuration, parse_duration
from pipeline.domain.retry_document import read_retry
from pipeline.domain.retry_schedule import DEFAULT_POLICY

_LIMIT: Final = "20"
_RECENT: Final = "8"
_DAY: Final = {"window": "24h"}
_ANY_TYPE: Final = {"type": "order.created"}
_MOST_TRIED: Final = "500"
_WAITING_COLUMNS: Final = (
    *("id", "event_type", "subject", "cause", "next_attempt", "due_at", "since"),
)
_ASKED_BY: Final = {"activate": ("waiting",), "deactivate": ("reason",), "test": ("type",)}


async def endpoints(visit: Visit) -> Response:
    """A piece of the list, each with its last 24 hours."""
    account = visit.asked("account")
    found = await visit.api.get(
        "/v1/endpoints",
        {"account": account, "cursor": visit.asked("cursor"), "limit": _LIMIT},
    )
    return visit.page(
        "endpoints.html",
        rows=list(zip(found["items"], await _days(visit, found["items"]), strict=True)),
        next=found["next"],
        account=account,
        done=visit.asked("done"),
    )


async def endpoint(visit: Visit) -> Response:
    """One of them, or the part of it that is live."""
    if not visit.is_fragment:
        return await shown_endpoint(visit)
    found = await visit.api.get(path_of("endpoints", visit.part("endpoint")))
    return visit.page("endpoint_live.html", endpoint=found, **await _doings(visit))


async def shown_endpoint(
    visit: Visit,
    status: int = HTTPStatus.OK,
    /,
    **more: Any,  # noqa: ANN401 - a template's values
) -> Response:
    """With what a form of the page came to, if one was sent."""
    endpoint_id = visit.part("endpoint")
    found = await visit.api.get(path_of("endpoints", endpoint_id))
    doings, profile = await asyncio.gather(_doings(visit), visit.profile(found["profile"]))
    values: dict[str, Any] = {
        **doings,
        "endpoint": found,
        "profile": profile,
        "schedule": charts.schedule(_delays_ms(found, profile)),
        "schedule_is_own": found["retry"] is not None,
        "secret": None,
        "tried": None,
        "preview": None,
        "problem": None,
        "given": {"type": _some_type(found, profile), "subject": "", "data": "{}"},
        "done": visit.asked("done"),
    }
    return visit.page("endpoint.html", status, **{**values, **more})


def action_of(action: str) -> Page:
    """Activate, deactivate, or test: send a sample."""

    async def act(visit: Visit) -> Response:
        endpoint_id = visit.part("endpoint")
        given = {name: visit.form.text(name) or None for name in _ASKED_BY[action]}
        try:
            made = await visit.api.post(path_of("endpoints", endpoint_id, action), given)
        except Problem as problem:
            return await shown_endpoint(visit, problem.status, problem=problem)
        if action == "test":
            return visit.to(f"/deliveries/{made['id']}", done="tested")
        return visit.to(f"/endpoints/{endpoint_id}", done=f"{action}d")

    return act


async def rotate(visit: Visit) -> Response:
    """Another secret, which this answer alone shows."""
    path = path_of("endpoints", visit.part("endpoint"), "rotate-secret")
    try:
        found = await visit.api.post(path, {"overlap": visit.form.text("overlap") or None})
    except Problem as problem:
        return await shown_endpoint(visit, problem.status, problem=problem)
    return await shown_endpoint(visit, secret=found.get("secret"), done="rotated")


async def remove(visit: Visit) -> Response:
    """For good, where its id was written as a confirmation."""
    endpoint_id = visit.part("endpoint")
    if visit.form.text("confirmed") != endpoint_id:
        problem = Problem(
            status=422, title="Not removed", detail=f"Write {endpoint_id} to confirm it."
        )
        return await shown_endpoint(visit, problem.status, problem=problem)
    await visit.api.delete(path_of("endpoints", endpoint_id))
    return visit.to("/endpoints", done="removed")


async def match(visit: Visit) -> Response:
    """Whether an event would reach it. Nothing is published."""
    endpoint_id, form = visit.part("endpoint"), visit.form
    given = {name: form.text(name) for name in ("type", "subject", "data")}
    found = await visit.api.get(path_of("endpoints", endpoint_id))
    try:
        event = {
            "account": found["account"],
            "type": given["type"],
            "data": _read_json(given["data"]),
            **({"subject": given["subject"]} if given["subject"] else {}),
        }
        tried = await visit.api.answer(
            "POST", "/v1/events/dry-run", query=f"limit={_MOST_TRIED}", body=event
        )
    except Problem as problem:
        return await shown_endpoint(visit, problem.status, problem=problem, given=given)
    items: list[Document] = json.loads(tried.body)["items"]
    own = next((item for item in items if item["endpoint"] == endpoint_id), None)
    return await shown_endpoint(visit, given=given, tried=own or _UNTRIED)


async def waiting(visit: Visit) -> Response:
    """What it has not got yet, as Kafka has it now."""
    endpoint_id = visit.part("endpoint")
    found = await visit.api.get(path_of("endpoints", endpoint_id, "waiting"))
    return visit.page("waiting.html", endpoint=endpoint_id, found=found, columns=_WAITING_COLUMNS)


_UNTRIED: Final = {"receives": False, "reason": "unknown", "detail": "not among the first 500"}


async def _doings(visit: Visit) -> dict[str, Any]:
    """What changes while somebody looks."""
    endpoint_id = visit.part("endpoint")
    day, recent = await asyncio.gather(
        _day(visit, endpoint_id),
        visit.api.get("/v1/deliveries", {"endpoint": endpoint_id, "limit": _RECENT}),
    )
    return {"day": day, "deliveries": recent["items"]}


async def _days(visit: Visit, found: list[Document]) -> list[Document]:
    if not found:
        return []
    asked = {"endpoints": ",".join(endpoint["id"] for endpoint in found), **_DAY}
    days: list[Document] = (await visit.api.get("/v1/statistics/by-endpoint", asked))["items"]
    return days


async def _day(visit: Visit, endpoint_id: str) -> Document:
    return await visit.api.get(path_of("endpoints", endpoint_id, "statistics"), _DAY)


def _read_json(text: str) -> object:
    try:
        return json.loads(text or "null")
    except (ValueError, RecursionError) as exc:
        raise Problem(status=422, title="Data", detail=f"The data are no JSON: {exc}") from exc


def _delays_ms(found: Document, profile: Document) -> list[int]:
    own = found["retry"]
    try:
        if own is not None:
            return [parse_duration(delay) for delay in own["delays"]]
        document = profile.get("retry")
        policy = DEFAULT_POLICY if document is None else read_retry(document, "/retry")
    except (InvalidDuration, ValueError):
        return []
    return list(policy.delays_ms)


def _some_type(found: Document, profile: Document) -> str:
    fitting = (each.replace(".*", ".created") for each in found["event_types"])
    asked = next((each for each in fitting if "*" not in each), None)
    known: list[Document] = part_of(profile, "event_types").get("known") or [_ANY_TYPE]
    return str(asked or known[0]["type"])
