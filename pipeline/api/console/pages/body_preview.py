"""The body that an endpoint would be sent: of one that is there, and of a form's."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

import msgspec
from starlette.responses import Response

from pipeline.api.console.api_calls import Document, path_of
from pipeline.api.console.given import json_value
from pipeline.api.console.pages.endpoints import shown_endpoint
from pipeline.api.console.visit import Visit
from pipeline.api.problems import Problem

_NO_DATA: Final = frozenset(("", "{}"))
"""Then the sample of the type is shown."""


async def of_endpoint(visit: Visit) -> Response:
    """Of the event that its page asks about."""
    form = visit.form
    given = {name: form.text(name) for name in ("type", "subject", "data")}
    try:
        asked: dict[str, Any] = {"type": given["type"] or None}
        if given["data"] not in _NO_DATA:
            asked["data"] = json_value(given["data"], "/data")
        path = path_of("endpoints", visit.part("endpoint"), "preview")
        preview = _readable(await visit.api.post(path, asked))
    except Problem as problem:
        return await shown_endpoint(visit, problem.status, problem=problem, given=given)
    return await shown_endpoint(visit, preview=preview, given=given)


async def of_form(visit: Visit) -> Response:
    """Of an endpoint that is to be made or changed, before it is."""
    form = visit.form
    account = visit.visitor.caller.account or form.text("account")
    types = [*form.texts("event_type"), *form.text("patterns").split()]
    asked = {
        "type": next((each for each in types if "*" not in each), None),
        "body": {"format": form.text("format")} if form.text("format") else None,
    }
    preview, problem = None, None
    try:
        preview = _readable(await visit.api.post(path_of("accounts", account, "preview"), asked))
    except Problem as refused:
        problem = refused
    if visit.is_fragment:
        # What is refused has to be seen, too: only a good answer is put into the page.
        return visit.page("preview.html", preview=preview, problem=problem)
    status = HTTPStatus.OK if problem is None else problem.status
    return visit.page("preview_page.html", status, preview=preview, problem=problem)


def _readable(preview: Document) -> Document:
    """Indented where it is JSON; numbers stay as they are written."""
    try:
        text = msgspec.json.format(str(preview["body"]).encode(), indent=2).decode()
    except msgspec.DecodeError:
        return preview
    return {**preview, "body": text}
