"""An account's relations: companies, their stars, and what is kept with them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from starlette.responses import Response

from pipeline.api.console.api_calls import part_of, path_of
from pipeline.api.console.given import json_value
from pipeline.api.console.visit import Visit
from pipeline.api.problems import Problem

_LIMIT: Final = "50"


async def relations(visit: Visit) -> Response:
    """In the order of the companies."""
    return await _page(visit)


async def mark(visit: Visit) -> Response:
    """A company with a star, or with none."""
    account_id, company = visit.part("account"), visit.form.text("company")
    try:
        path = path_of("accounts", account_id, "relations", company)
        await visit.api.answer("PUT", path, body={"star": visit.form.text("star") or None})
    except Problem as problem:
        return await _page(visit, problem)
    return visit.to(f"/accounts/{account_id}/relations", done="changed")


async def remove(visit: Visit) -> Response:
    """With what is kept with it."""
    account_id, company = visit.part("account"), visit.form.text("company")
    try:
        await visit.api.delete(path_of("accounts", account_id, "relations", company))
    except Problem as problem:
        return await _page(visit, problem)
    return visit.to(f"/accounts/{account_id}/relations", done="related_no_more")


async def keep(visit: Visit) -> Response:
    """Something under a key: new, or in place of what was there."""
    account_id, form = visit.part("account"), visit.form
    company, key = form.text("company"), form.text("key")
    try:
        value = json_value(form.text("value"), "/value")
        at = ("accounts", account_id, "relations", company, "data")
        if form.has("is_there"):
            await visit.api.patch(path_of(*at, key), {"value": value})
        else:
            await visit.api.post(path_of(*at), {"key": key, "value": value})
    except Problem as problem:
        return await _page(visit, problem)
    return visit.to(f"/accounts/{account_id}/relations", done="changed")


async def discard(visit: Visit) -> Response:
    """What is kept under a key."""
    account_id, form = visit.part("account"), visit.form
    company, key = form.text("company"), form.text("key")
    try:
        await visit.api.delete(path_of("accounts", account_id, "relations", company, "data", key))
    except Problem as problem:
        return await _page(visit, problem)
    return visit.to(f"/accounts/{account_id}/relations", done="changed")


async def _page(visit: Visit, problem: Problem | None = None) -> Response:
    account_id = visit.part("account")
    account = await visit.api.get(path_of("accounts", account_id))
    profile = await visit.profile(account["profile"])
    found = await visit.api.get(
        path_of("accounts", account_id, "relations"),
        {"cursor": visit.asked("cursor"), "limit": _LIMIT},
    )
    rules = part_of(profile, "relations")
    return visit.page(
        "relations.html",
        HTTPStatus.OK if problem is None else problem.status,
        account=account,
        relations=found["items"],
        next=found["next"],
        stars=rules.get("stars") or [],
        limit=rules.get("limit"),
        problem=problem,
        done=visit.asked("done"),
    )
