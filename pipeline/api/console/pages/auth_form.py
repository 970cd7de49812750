"""The part of an endpoint's form that says how it is authenticated to. No secret is ever shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pipeline.api.console.api_calls import Document
from pipeline.api.console.forms import Form

KEEP: Final = "keep"
"""An authentication that stays as it is: the form never gets its secret."""
_MEMBERS: Final[Mapping[str, Mapping[str, str]]] = {
    "token": {"token": "auth_secret"},
    "header": {"name": "auth_name", "value": "auth_secret"},
    "bearer": {"token": "auth_secret"},
    "basic": {"username": "auth_name", "password": "auth_secret"},
    "oauth2": {
        "token_url": "auth_token_url",
        "client_id": "auth_client_id",
        "client_secret": "auth_secret",
        "scope": "auth_scope",
    },
    "mtls": {"certificate": "auth_certificate", "private_key": "auth_private_key"},
}
"""The form's field of each member of the API's document, by its type."""
_SECRETS: Final = frozenset(("auth_secret", "auth_private_key"))
_OPTIONAL: Final = frozenset(("scope",))

AUTH_FIELDS: Final = (
    "auth_type",
    *sorted({field for each in _MEMBERS.values() for field in each.values()} - _SECRETS),
)
"""What may be shown again."""


def auth_document(form: Form) -> Document | None:
    """None: there is to be none.

    What is left empty of the present authentication stays as it is; of another one the API says
    that it is missing.
    """
    kind = form.text("auth_type")
    members = _MEMBERS.get(kind)
    if members is None:
        return None
    given = {name: form.text(field) or None for name, field in members.items()}
    return {
        "type": kind,
        **{name: value for name, value in given.items() if value or name in _OPTIONAL},
    }


def auth_fields(auth: Mapping[str, Any]) -> dict[str, str]:
    """What a form shows of an authentication, as the API answers it."""
    members = _MEMBERS.get(auth.get("type", ""), {})
    shown = {
        field: str(auth.get(name) or "") for name, field in members.items() if field not in _SECRETS
    }
    return {**dict.fromkeys(AUTH_FIELDS, ""), **shown, "auth_type": KEEP if auth else ""}


def auth_field_of(member: str) -> str:
    """Where an error in this member of `/auth` is shown."""
    fields = (each[member] for each in _MEMBERS.values() if member in each)
    return next(fields, "auth_type")
