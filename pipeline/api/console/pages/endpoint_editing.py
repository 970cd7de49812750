"""The forms for a new endpoint and for one that is to be changed."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from pipeline.api.console.api_calls import Document, part_of, path_of
from pipeline.api.console.pages.endpoint_form import (
    choices_of,
    document_of,
    empty_fields,
    errors_by_field,
    fields_given,
    fields_of,
)
from pipeline.api.console.pages.endpoints import shown_endpoint
from pipeline.api.console.visit import Visit
from pipeline.api.problems import Problem

_MOST_ACCOUNTS = "500"


async def new(visit: Visit) -> Response:
    """For one account, which an operator chooses first."""
    account = visit.visitor.caller.account or visit.asked("account")
    if not account:
        found = await visit.api.get("/v1/accounts", {"limit": _MOST_ACCOUNTS})
        return visit.page("endpoint_account.html", accounts=found["items"])
    return await _form(visit, await _account(visit, account), fields=empty_fields())


async def create(visit: Visit) -> Response:
    """And show its secret, which no other page can."""
    account = await _account(visit, visit.visitor.caller.account or visit.form.text("account"))
    try:
        document = document_of(visit.form)
        if visit.form.text("id"):
            document["id"] = visit.form.text("id")
        made = await visit.api.post(path_of("accounts", account["id"], "endpoints"), document)
    except Problem as problem:
        return await _form(visit, account, fields=fields_given(visit.form, ""), problem=problem)
    if made.get("secret") is None:
        return visit.to(f"/endpoints/{made['id']}", done="created")
    visit.request.path_params["endpoint"] = made["id"]
    return await shown_endpoint(visit, secret=made["secret"], done="created")


async def edit(visit: Visit) -> Response:
    """With what there is."""
    found = await visit.api.get(path_of("endpoints", visit.part("endpoint")))
    choices = choices_of(await visit.profile(found["profile"]))
    account = await _account(visit, found["account"])
    return await _form(visit, account, endpoint=found, fields=fields_of(found, choices))


async def update(visit: Visit) -> Response:
    """As the form says."""
    path = path_of("endpoints", visit.part("endpoint"))
    found = await visit.api.get(path)
    try:
        await visit.api.patch(path, _merging(document_of(visit.form), found))
    except Problem as problem:
        fields = fields_given(visit.form, part_of(found, "auth").get("type", ""))
        account = await _account(visit, found["account"])
        return await _form(visit, account, endpoint=found, fields=fields, problem=problem)
    return visit.to(f"/endpoints/{found['id']}", done="changed")


def _merging(document: Document, present: Document) -> Document:
    """A merge patch that leaves nothing behind of what a form shows whole."""
    gone = dict.fromkeys(present["headers"].keys() - document["headers"].keys())
    merged: Document = {**document, "headers": {**gone, **document["headers"]}}
    if isinstance(document["filter"], dict) and present["filter"]:
        merged["filter"] = {
            **dict.fromkeys(present["filter"].keys() - document["filter"].keys()),
            **document["filter"],
        }
    return merged


async def _account(visit: Visit, account_id: str) -> Document:
    return await visit.api.get(path_of("accounts", account_id))


async def _form(
    visit: Visit,
    account: Document,
    *,
    fields: dict[str, Any],
    endpoint: Document | None = None,
    problem: Problem | None = None,
) -> Response:
    profile = await visit.profile((endpoint or account)["profile"])
    limit = part_of(profile, "plans").get(account["plan"] or "")
    return visit.page(
        "endpoint_form.html",
        HTTPStatus.OK if problem is None else problem.status,
        account=account,
        endpoint=endpoint,
        fields=fields,
        profile=profile,
        choices=choices_of(profile),
        errors=errors_by_field(problem),
        problem=problem,
        limit=limit,
    )
