"""Accounts: all of them for operators, one for its own people."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any, Final

from starlette.responses import Response

from pipeline.api.console.api_calls import Document, part_of, path_of
from pipeline.api.console.forms import Form
from pipeline.api.console.visit import Visit
from pipeline.api.problems import Problem

_LIMIT: Final = "50"
_MOST_PROFILES: Final = "500"
_MOST_ENDPOINTS: Final = 100
_MOST_KEYS: Final = "100"
_NEW: Final = {"id": "", "name": "", "profile": "", "plan": "", "owner_email": ""}
_SWITCH: Final = {"on": True, "off": False}


async def accounts(visit: Visit) -> Response:
    """In the order of their ids."""
    found = await visit.api.get("/v1/accounts", {"cursor": visit.asked("cursor"), "limit": _LIMIT})
    return visit.page(
        "accounts.html",
        accounts=found["items"],
        next=found["next"],
        done=visit.asked("done"),
    )


async def new(visit: Visit) -> Response:
    """An empty form."""
    return await _form(visit, dict(_NEW))


async def create(visit: Visit) -> Response:
    """As the form says."""
    given = {name: visit.form.text(name) for name in _NEW}
    try:
        document = {name: value or None for name, value in given.items()}
        made = await visit.api.post("/v1/accounts", {**document, "id": given["id"]})
    except Problem as problem:
        return await _form(visit, given, problem)
    return visit.to(f"/accounts/{made['id']}", done="account_made")


async def account(visit: Visit) -> Response:
    """One of them."""
    return await shown_account(visit)


async def shown_account(
    visit: Visit,
    problem: Problem | None = None,
    /,
    **more: Any,  # noqa: ANN401 - a template's values
) -> Response:
    """With what a form of the page came to, if one was sent."""
    account_id = visit.part("account")
    found = await visit.api.get(path_of("accounts", account_id))
    profile, endpoints, keys = await asyncio.gather(
        visit.profile(found["profile"]),
        visit.api.get("/v1/endpoints", {"account": account_id, "limit": str(_MOST_ENDPOINTS)}),
        _keys(visit, account_id),
    )
    plans = part_of(profile, "plans")
    values: dict[str, Any] = {
        "account": found,
        "plans": plans,
        "limit": plans.get(found["plan"] or ""),
        "has_relations": bool(profile.get("relations")),
        "endpoints": len(endpoints["items"]),
        "has_more_endpoints": endpoints["next"] is not None,
        "keys": keys,
        "made_key": None,
        "link": None,
        "problem": problem,
        "done": visit.asked("done"),
    }
    status = HTTPStatus.OK if problem is None else problem.status
    return visit.page("account.html", status, **{**values, **more})


async def update(visit: Visit) -> Response:
    """What the form shows, and the visitor may change."""
    account_id = visit.part("account")
    try:
        await visit.api.patch(path_of("accounts", account_id), _patch(visit.form))
    except Problem as problem:
        return await shown_account(visit, problem)
    return visit.to(f"/accounts/{account_id}", done="changed")


async def remove(visit: Visit) -> Response:
    """For good, where its id was written as a confirmation."""
    account_id = visit.part("account")
    if visit.form.text("confirmed") != account_id:
        detail = f"Write {account_id} to confirm it."
        return await shown_account(visit, Problem(status=422, title="Not removed", detail=detail))
    try:
        await visit.api.delete(path_of("accounts", account_id))
    except Problem as problem:
        return await shown_account(visit, problem)
    return visit.to("/accounts", done="account_removed")


async def _keys(visit: Visit, account_id: str) -> list[Document] | None:
    """None: they are for operators."""
    if not visit.visitor.is_operator:
        return None
    found = await visit.api.get("/v1/keys", {"account": account_id, "limit": _MOST_KEYS})
    items: list[Document] = found["items"]
    return sorted(items, key=lambda key: (key["revoked_at"] is not None, key["id"]))


def _patch(form: Form) -> Document:
    """A merge patch: a field that is not in the form stays as it is."""
    patch: Document = {
        name: form.text(name) or None for name in ("name", "plan", "owner_email") if form.has(name)
    }
    if form.text("webhooks") in _SWITCH:
        patch["webhooks_enabled"] = _SWITCH[form.text("webhooks")]
    return patch


async def _form(visit: Visit, given: dict[str, str], problem: Problem | None = None) -> Response:
    profiles = await visit.api.get("/v1/profiles", {"limit": _MOST_PROFILES})
    errors = (
        {} if problem is None else {e.pointer.removeprefix("/"): e.detail for e in problem.errors}
    )
    return visit.page(
        "account_form.html",
        HTTPStatus.OK if problem is None else problem.status,
        given=given,
        profiles=profiles["items"],
        errors=errors,
        problem=problem,
    )
