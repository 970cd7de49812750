"""Event types: what they mean, what their data look like, and what they have to fit."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any, Final

from starlette.responses import Response

from pipeline.api.console.api_calls import Document, path_of
from pipeline.api.console.forms import Form
from pipeline.api.console.given import json_value
from pipeline.api.console.visit import Visit
from pipeline.api.problems import Problem

_LIMIT: Final = "100"
_FIELDS: Final = ("type", "description", "schema", "sample")
_NEW: Final = {"type": "", "description": "", "schema": "", "sample": "{}"}


async def event_types(visit: Visit) -> Response:
    """All of them."""
    found = await visit.api.get(
        "/v1/event-types", {"cursor": visit.asked("cursor"), "limit": _LIMIT}
    )
    return visit.page(
        "event_types.html",
        types=found["items"],
        next=found["next"],
        done=visit.asked("done"),
    )


async def new(visit: Visit) -> Response:
    """An empty form."""
    return _form(visit, _NEW)


async def create(visit: Visit) -> Response:
    """As the form says."""
    try:
        document = {"type": visit.form.text("type"), **_document(visit.form)}
        await visit.api.post("/v1/event-types", document)
    except Problem as problem:
        return _form(visit, _given(visit.form), problem=problem)
    return visit.to("/event-types", done="described")


async def edit(visit: Visit) -> Response:
    """With what there is."""
    found = await visit.api.get(path_of("event-types", visit.part("type")))
    return _form(visit, _fields(found), present=found)


async def update(visit: Visit) -> Response:
    """The whole of it anew."""
    path = path_of("event-types", visit.part("type"))
    found = await visit.api.get(path)
    try:
        await visit.api.answer("PUT", path, body=_document(visit.form))
    except Problem as problem:
        return _form(visit, _given(visit.form), present=found, problem=problem)
    return visit.to("/event-types", done="changed")


async def remove(visit: Visit) -> Response:
    """Its events are delivered as before."""
    await visit.api.delete(path_of("event-types", visit.part("type")))
    return visit.to("/event-types", done="forgotten")


def _form(
    visit: Visit,
    fields: dict[str, str],
    *,
    present: Document | None = None,
    problem: Problem | None = None,
) -> Response:
    errors = {} if problem is None else {_field_of(e.pointer): e.detail for e in problem.errors}
    return visit.page(
        "event_type_form.html",
        HTTPStatus.OK if problem is None else problem.status,
        fields=fields,
        present=present,
        errors=errors,
        problem=problem,
    )


def _field_of(pointer: str) -> str:
    return pointer.removeprefix("/").split("/")[0]


def _document(form: Form) -> dict[str, Any]:
    """Raises Problem (422)."""
    return {
        "description": form.text("description"),
        "schema": json_value(form.text("schema"), "/schema"),
        "sample": json_value(form.text("sample"), "/sample"),
    }


def _given(form: Form) -> dict[str, str]:
    return {name: form.text(name) for name in _FIELDS}


def _fields(found: Document) -> dict[str, str]:
    schema = found["schema"]
    return {
        "type": found["type"],
        "description": found["description"],
        "schema": "" if schema is None else json.dumps(schema, indent=2, ensure_ascii=False),
        "sample": json.dumps(found["sample"], indent=2, ensure_ascii=False),
    }
