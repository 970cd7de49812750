"""An endpoint's form: what its profile lets people choose, and the document that comes of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from pipeline.api.console.api_calls import Document, part_of
from pipeline.api.console.forms import Form
from pipeline.api.console.pages.auth_form import (
    AUTH_FIELDS,
    KEEP,
    auth_document,
    auth_field_of,
    auth_fields,
)
from pipeline.api.problems import FieldError, Problem, invalid

_FIELDS: Final = {
    "url": "url",
    "email": "email",
    "description": "description",
    "event_types": "event_types",
    "filter": "filter",
    "body": "format",
    "headers": "headers",
    "secret": "secret",
    "retry": "retry",
    "order": "order",
    "timeout": "timeout",
    "max_in_flight": "max_in_flight",
    "rate_limit": "rate_requests",
    "id": "id",
}
"""The form's field of each member, where an error is shown."""


class Choices(NamedTuple):
    """What a profile lets people choose."""

    types: tuple[str, ...]
    """Known ones, one by one."""
    objects: tuple[str, ...]
    actions: tuple[str, ...]
    is_open: bool
    """Whether other types may be asked for, too."""
    formats: tuple[str, ...]
    takes_email: bool
    token_header: str | None
    attachment: str | None


def choices_of(profile: Mapping[str, Any]) -> Choices:
    """Out of its document."""
    types = part_of(profile, "event_types")
    token = part_of(profile, "token_header")
    return Choices(
        types=tuple(known["type"] for known in types.get("known", ())),
        objects=tuple(types.get("objects", ())),
        actions=tuple(types.get("actions", ())),
        is_open=types.get("open", True),
        formats=tuple(profile.get("formats", {})),
        takes_email=True,
        token_header=token.get("name"),
        attachment=profile.get("email_attachment"),
    )


def fields_of(endpoint: Mapping[str, Any], choices: Choices) -> dict[str, Any]:
    """What a form shows of an endpoint."""
    auth = part_of(endpoint, "auth")
    rate = part_of(endpoint, "rate_limit")
    retry = part_of(endpoint, "retry")
    chosen = set(endpoint["event_types"])
    offered = offered_types(choices)
    return {
        **{name: endpoint[name] or "" for name in ("url", "email", "description", "timeout")},
        "order": endpoint["order"],
        "max_in_flight": str(endpoint["max_in_flight"]),
        "chosen": chosen,
        "patterns": "\n".join(each for each in endpoint["event_types"] if each not in offered),
        "filter": json.dumps(endpoint["filter"], indent=2) if endpoint["filter"] else "",
        "format": part_of(endpoint, "body").get("format", ""),
        **auth_fields(auth),
        "auth_present": auth.get("type", ""),
        "headers": "\n".join(f"{name}: {value}" for name, value in endpoint["headers"].items()),
        "retry": ", ".join(retry.get("delays", ())),
        "rate_requests": str(rate.get("requests", "")),
        "rate_per": rate.get("per", "1s"),
    }


def empty_fields() -> dict[str, Any]:
    """A new endpoint's."""
    names = ("id", "url", "email", "description", "timeout", "patterns", "filter", "format")
    more = (*AUTH_FIELDS, "auth_present", "headers", "retry", "rate_requests")
    return {
        **dict.fromkeys((*names, *more), ""),
        "chosen": set[str](),
        "order": "none",
        "max_in_flight": "",
        "rate_per": "1s",
    }


def fields_given(form: Form, present_auth: str) -> dict[str, Any]:
    """What was sent, to be shown again beside what is wrong with it. No secret is."""
    names = tuple(name for name in empty_fields() if name not in {"chosen", "auth_present"})
    return {
        **{name: form.text(name) for name in names},
        "chosen": set(form.texts("event_type")),
        "auth_present": present_auth,
    }


def offered_types(choices: Choices) -> set[str]:
    """Those with a box of their own."""
    matrix = {f"{thing}.{action}" for thing in choices.objects for action in choices.actions}
    return matrix | set(choices.types)


def document_of(form: Form) -> Document:
    """For the API, which says what is wrong with it. Raises Problem (422): what is no JSON."""
    document: Document = {
        "url": form.text("url") or None,
        "email": form.text("email") or None,
        "description": form.text("description") or None,
        "event_types": [*form.texts("event_type"), *form.text("patterns").split()],
        "filter": _json(form.text("filter")),
        "headers": _headers(form.text("headers")),
        "retry": _retry(form.text("retry")),
        "order": form.text("order") or None,
        "timeout": form.text("timeout") or None,
        "max_in_flight": _number(form.text("max_in_flight"), "/max_in_flight"),
        "rate_limit": _rate(form),
    }
    if form.text("format"):
        document["body"] = {"format": form.text("format")}
    if form.text("auth_type") != KEEP:
        document["auth"] = auth_document(form)
    if form.text("secret"):
        document["secret"] = form.text("secret")
    return document


def errors_by_field(problem: Problem | None) -> dict[str, str]:
    """What is wrong, by the form's fields; under `""` what belongs to none."""
    found: dict[str, str] = {}
    for error in problem.errors if problem is not None else ():
        member, _, rest = error.pointer.removeprefix("#query").strip("/").partition("/")
        field = auth_field_of(rest) if member == "auth" else _FIELDS.get(member, "")
        text = error.detail if field else f"{error.pointer}: {error.detail}"
        found[field] = f"{found[field]}; {text}" if field in found else text
    return found


def _headers(text: str) -> dict[str, str | None]:
    lines = (line.partition(":") for line in text.splitlines() if line.strip())
    return {name.strip(): value.strip() for name, _, value in lines}


def _retry(text: str) -> Document | None:
    return {"delays": text.replace(",", " ").split()} if text else None


def _rate(form: Form) -> Document | None:
    requests = _number(form.text("rate_requests"), "/rate_limit/requests")
    return None if requests is None else {"requests": requests, "per": form.text("rate_per")}


def _number(text: str, pointer: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):  # noqa: PLR2004 - no number here is longer
        raise invalid([FieldError(pointer, "write a whole number")])
    return int(text)


def _json(text: str) -> object:
    if not text:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise invalid([FieldError("/filter", f"is no JSON: {exc}")]) from exc
