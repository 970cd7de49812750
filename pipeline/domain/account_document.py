"""Accounts and their endpoints as they are written in a file.

An account's entry says what to set: what it leaves out stays as it is, because its owner may have
changed it. An endpoint's entry is the whole endpoint: what it leaves out has its default. What a
file does not name is left alone; `removed: true` removes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, cast

from pipeline.domain.document import (
    DocumentError,
    Fields,
    below,
    nearest,
    shown,
    text_of,
)
from pipeline.domain.endpoint_document import (
    EndpointEntry,
    EndpointRules,
    chosen_profile,
    endpoint_fields,
    read_endpoint,
    read_id,
)
from pipeline.domain.profile import Profile

DEFAULT_PROFILE: Final = "standard-webhooks"
MAX_NAME_CHARS: Final = 200
MAX_EMAIL_CHARS: Final = 254

_ACCOUNT_FIELDS: Final = ("id", "profile", "name", "plan", "webhooks_enabled", "owner_email")
_IN_FILES: Final = ("endpoints", "removed")
EMAIL_PATTERN: Final = r"[\x21-\x3f\x41-\x7e]{1,64}@[A-Za-z0-9.-]{1,253}"
_EMAIL: Final = re.compile(EMAIL_PATTERN)


@dataclass(frozen=True, slots=True)
class EndpointRemoval:
    """An endpoint that shall be removed, named by its id or by its URL."""

    pointer: str
    account: str
    id: str
    """Empty where none is given."""
    url: str
    """Empty where none is given."""


@dataclass(frozen=True, slots=True)
class AccountEntry:
    """An account as somebody wrote it; None leaves a field as it is."""

    pointer: str
    id: str
    profile: str | None
    name: str | None
    plan: str | None
    webhooks_enabled: bool | None
    owner_email: str | None
    removed: bool = False
    endpoints: tuple[EndpointEntry | EndpointRemoval, ...] = ()


@dataclass(frozen=True, slots=True)
class AccountRules:
    """What a file of accounts is read against."""

    endpoints: EndpointRules
    present_profile: Callable[[str], str | None]
    """The profile that an account has now; None if there is no such account."""


class DocumentErrors(ValueError):
    """All that is wrong with a document: the first error of each entry."""

    def __init__(self, errors: Sequence[DocumentError]) -> None:
        super().__init__("\n".join(map(str, errors)))
        self.errors = tuple(errors)


def read_accounts(document: object, rules: AccountRules) -> tuple[AccountEntry, ...]:
    """The accounts of a file.

    Raises:
        DocumentErrors: entries have unknown, missing or wrong fields, or do not fit their profile.
    """
    errors: list[DocumentError] = []
    accounts: list[AccountEntry] = []
    try:
        for value, pointer in _entries(Fields(document, "", known=("accounts",)), "accounts"):
            try:
                accounts.append(_account(value, pointer, rules=rules, errors=errors))
            except DocumentError as exc:
                errors.append(exc)
    except DocumentError as exc:
        errors.append(exc)
    if errors:
        raise DocumentErrors(errors)
    return tuple(accounts)


def read_account(document: object, profiles: Mapping[str, Profile]) -> AccountEntry:
    """A whole account by itself, without endpoints.

    Raises:
        DocumentError: a field is unknown, missing or wrong, or does not fit the account's profile.
    """
    fields = Fields(document, "", known=_ACCOUNT_FIELDS)
    account = read_id(fields)
    profile = chosen_profile(fields, profiles, default=DEFAULT_PROFILE)
    return _entry(fields, account, profile)


def _account(
    value: object, pointer: str, *, rules: AccountRules, errors: list[DocumentError]
) -> AccountEntry:
    """Adds to `errors` what is wrong with its endpoints."""
    fields = Fields(_object(value, pointer), pointer, known=(*_ACCOUNT_FIELDS, *_IN_FILES))
    account = read_id(fields)
    present = rules.present_profile(account) or DEFAULT_PROFILE
    profile = chosen_profile(fields, rules.endpoints.profiles, default=present)
    removed = fields.flag("removed", default=False)
    entry = _entry(fields, account, profile)
    if removed:
        return replace(entry, removed=True)
    return replace(
        entry,
        endpoints=_endpoints(
            fields, account, profile_name=profile.name, rules=rules.endpoints, errors=errors
        ),
    )


def _entry(fields: Fields, account: str, profile: Profile) -> AccountEntry:
    return AccountEntry(
        pointer=fields.pointer,
        id=account,
        profile=profile.name if "profile" in fields else None,
        name=_line(fields, "name") if "name" in fields else None,
        plan=_plan(fields, profile) if "plan" in fields else None,
        webhooks_enabled=_flag(fields, "webhooks_enabled"),
        owner_email=fields.optional("owner_email", _email),
    )


def _endpoints(
    fields: Fields,
    account: str,
    *,
    profile_name: str,
    rules: EndpointRules,
    errors: list[DocumentError],
) -> tuple[EndpointEntry | EndpointRemoval, ...]:
    endpoints: list[EndpointEntry | EndpointRemoval] = []
    for value, pointer in _entries(fields, "endpoints") if "endpoints" in fields else ():
        try:
            given = endpoint_fields(_object(value, pointer), pointer, "removed")
            if given.flag("removed", default=False):
                endpoints.append(_removal(given, account))
                continue
            endpoints.append(read_endpoint(given, account, profile_name=profile_name, rules=rules))
        except DocumentError as exc:
            errors.append(exc)
    return tuple(endpoints)


def _removal(fields: Fields, account: str) -> EndpointRemoval:
    """Needs no more than a name: what was valid once may be so no longer, and can still go."""
    url = fields.text("url", "")
    if "id" not in fields and not url:
        raise DocumentError(fields.at("id"), "missing: say by id or by url which one is removed")
    return EndpointRemoval(fields.pointer, account, read_id(fields) if "id" in fields else "", url)


def _entries(fields: Fields, name: str) -> list[tuple[object, str]]:
    """A list's items, each with its pointer."""
    value = fields.value(name)
    if not isinstance(value, list):
        raise DocumentError(fields.at(name), "give a list: begin each entry with -")
    items = cast("list[object]", value)
    return [(item, below(fields.at(name), index)) for index, item in enumerate(items)]


def _object(value: object, pointer: str) -> object:
    # What is none is not quoted, as elsewhere: it may be a secret that has slipped.
    if not isinstance(value, dict):
        raise DocumentError(pointer, "give an object: names and values")
    return cast("object", value)


def _flag(fields: Fields, name: str) -> bool | None:
    return fields.flag(name, default=True) if name in fields else None


def _line(fields: Fields, name: str) -> str:
    text = fields.text(name)
    if len(text) > MAX_NAME_CHARS or not text.isprintable():
        raise DocumentError(fields.at(name), f"write at most {MAX_NAME_CHARS} printable characters")
    return text


def _plan(fields: Fields, profile: Profile) -> str:
    plan = fields.text("plan")
    if plan not in profile.plans:
        raise DocumentError(
            fields.at("plan"),
            f"{shown(plan)} is no plan of {profile.name}: {nearest(plan, profile.plans)}",
        )
    return plan


def _email(value: object, pointer: str) -> str:
    email = text_of(value, pointer)
    if len(email) > MAX_EMAIL_CHARS or not _EMAIL.fullmatch(email):
        raise DocumentError(pointer, f"{shown(email)}: write one address, such as ops@example.com")
    return email
