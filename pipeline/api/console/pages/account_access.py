"""Who may come to an account's things: its keys, and links to its pages. For operators."""

from __future__ import annotations

from starlette.responses import Response

from pipeline.api.console.api_calls import path_of
from pipeline.api.console.given import in_utc
from pipeline.api.console.pages.accounts import shown_account
from pipeline.api.console.visit import Visit
from pipeline.api.problems import Problem


async def make_key(visit: Visit) -> Response:
    """Its text is in this answer alone."""
    form = visit.form
    given = {
        "name": form.text("name"),
        "account": visit.part("account"),
        "access": form.text("access"),
        "expires_at": in_utc(form.text("expires_at")),
    }
    try:
        made = await visit.api.post("/v1/keys", given)
    except Problem as problem:
        return await shown_account(visit, problem)
    return await shown_account(visit, made_key=made)


async def revoke_key(visit: Visit) -> Response:
    """Nobody comes in with it any more."""
    try:
        await visit.api.delete(path_of("keys", visit.part("key")))
    except Problem as problem:
        return await shown_account(visit, problem)
    return visit.to(f"/accounts/{visit.part('account')}", done="revoked")


async def make_link(visit: Visit) -> Response:
    """To the account's own pages; it, too, is in this answer alone."""
    form = visit.form
    path = path_of("accounts", visit.part("account"), "console-link")
    given = {"access": form.text("access"), "expires_in": form.text("expires_in") or None}
    try:
        made = await visit.api.post(path, given)
    except Problem as problem:
        return await shown_account(visit, problem)
    return await shown_account(visit, link=made)
