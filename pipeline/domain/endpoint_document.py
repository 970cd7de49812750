"""Endpoints as they are written, in a file or through the API: all of it checked.

What is left out has its default, but for what people must not lose by leaving it out: the id, the
secrets and whether the endpoint is active. `endpoint_planning.py` says what those become.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pipeline.domain.auth_document import read_auth, secret_text
from pipeline.domain.document import DocumentError, Fields, below, nearest, shown, text_of
from pipeline.domain.endpoint import Auth, BodyChoice, Endpoint, OAuth2Auth, Order
from pipeline.domain.endpoint_fit import check_fit
from pipeline.domain.endpoint_secrets import GivenCredentials
from pipeline.domain.filter_document import read_filter
from pipeline.domain.identifiers import InvalidIdentifier, check_chosen_id
from pipeline.domain.limits_document import read_max_in_flight, read_rate_limit, read_timeout_ms
from pipeline.domain.mail_address import InvalidMailAddress, check_mail_address
from pipeline.domain.notes_document import read_description, read_metadata
from pipeline.domain.profile import Profile
from pipeline.domain.request_document import read_body, read_headers
from pipeline.domain.retry_document import read_retry
from pipeline.domain.type_patterns import MAX_PATTERNS, InvalidTypePattern, check_pattern
from pipeline.domain.urls import UrlRefused

ENDPOINT_FIELDS: Final = (
    *("id", "url", "email", "description", "metadata", "profile", "active", "event_types"),
    *("filter", "body", "auth", "headers", "secret", "signing", "signing_key", "retry", "order"),
    *("timeout", "max_in_flight", "rate_limit", "on_inactive"),
)
DEFAULT_IN_FLIGHT: Final = 16


class _OnInactive(StrEnum):
    KEEP = "keep"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class EndpointRules:
    """What an endpoint is read against."""

    profiles: Mapping[str, Profile]
    check_url: Callable[[str], None]
    """Raises UrlRefused: the URL is none, or webhooks may not be sent there."""


@dataclass(frozen=True, slots=True)
class EndpointEntry:
    """An endpoint as somebody wrote it: checked by itself, not yet compared with what there is."""

    pointer: str
    wanted: Endpoint
    """Its `id` is empty where none is given; topic, status, version and times are not decided."""
    active: bool | None
    """None leaves it as it is."""
    given: GivenCredentials


def read_endpoint(
    fields: Fields, account: str, *, profile_name: str, rules: EndpointRules
) -> EndpointEntry:
    """An endpoint of an account; `profile_name` is the account's, which an endpoint may change.

    Raises:
        DocumentError: a field is missing or not what it should be, or does not fit the profile.
    """
    profile = chosen_profile(fields, rules.profiles, default=profile_name)
    given = GivenCredentials(
        secret_text(fields, "secret") if "secret" in fields else None,
        secret_text(fields, "signing_key") if "signing_key" in fields else None,
        _auth(fields, rules.check_url),
    )
    email = fields.optional("email", _email)
    wanted = Endpoint(
        id=read_id(fields) if "id" in fields else "",
        account=account,
        profile=profile.name,
        topic="",
        url=_url(fields, rules.check_url) if email is None or "url" in fields else None,
        email=email,
        description=read_description(fields),
        metadata=read_metadata(fields),
        event_types=_event_types(fields),
        filter=fields.optional("filter", read_filter),
        body=fields.optional("body", read_body) or BodyChoice(),
        headers=read_headers(fields),
        signing=fields.texts("signing") if "signing" in fields else None,
        retry=fields.optional("retry", read_retry),
        order=fields.choice("order", Order.NONE),
        timeout_ms=fields.optional("timeout", read_timeout_ms),
        max_in_flight=fields.optional("max_in_flight", read_max_in_flight) or DEFAULT_IN_FLIGHT,
        rate_limit=fields.optional("rate_limit", read_rate_limit),
        on_inactive=fields.choice("on_inactive", _OnInactive.KEEP).value,
    )
    check_fit(wanted, profile, given, pointer=fields.pointer)
    active = fields.flag("active", default=True) if "active" in fields else None
    return EndpointEntry(fields.pointer, wanted, active, given)


def endpoint_fields(value: object, pointer: str, *extra: str) -> Fields:
    """The fields of an endpoint, for `read_endpoint`.

    Raises:
        DocumentError: it is no object, or has a field that is neither an endpoint's nor an extra.
    """
    return Fields(value, pointer, known=(*ENDPOINT_FIELDS, *extra))


def read_id(fields: Fields) -> str:
    """The id that somebody chose.

    Raises:
        DocumentError: it is missing, or not 1-64 of A-Z, a-z, 0-9, _ and -.
    """
    try:
        return check_chosen_id(fields.text("id"), field="the id")
    except InvalidIdentifier as exc:
        raise DocumentError(fields.at("id"), str(exc)) from exc


def chosen_profile(fields: Fields, profiles: Mapping[str, Profile], *, default: str) -> Profile:
    """The profile that is named, or the default one.

    Raises:
        DocumentError: there is no such profile.
    """
    name = fields.text("profile", default)
    if name not in profiles:
        raise DocumentError(
            fields.at("profile"), f"{shown(name)} is no profile: {nearest(name, profiles)}"
        )
    return profiles[name]


def _url(fields: Fields, check_url: Callable[[str], None]) -> str:
    """Required, unless there is an e-mail address."""
    if "url" not in fields:
        raise DocumentError(fields.at("url"), "missing: give a URL, or email instead")
    return _checked_url(fields.text("url"), check_url, pointer=fields.at("url"))


def _checked_url(url: str, check_url: Callable[[str], None], *, pointer: str) -> str:
    try:
        check_url(url)
    except UrlRefused as exc:
        raise DocumentError(pointer, str(exc)) from exc
    return url


def _email(value: object, pointer: str) -> str:
    try:
        return check_mail_address(text_of(value, pointer))
    except InvalidMailAddress as exc:
        raise DocumentError(pointer, str(exc)) from exc


def _auth(fields: Fields, check_url: Callable[[str], None]) -> Auth | None:
    auth = fields.optional("auth", read_auth)
    if isinstance(auth, OAuth2Auth):
        _checked_url(auth.token_url, check_url, pointer=below(fields.at("auth"), "token_url"))
    return auth


def _event_types(fields: Fields) -> tuple[str, ...]:
    patterns = fields.texts("event_types")
    if len(patterns) > MAX_PATTERNS:
        raise DocumentError(
            fields.at("event_types"), f"{len(patterns)} patterns: at most {MAX_PATTERNS}"
        )
    for index, pattern in enumerate(patterns):
        try:
            check_pattern(pattern)
        except InvalidTypePattern as exc:
            raise DocumentError(below(fields.at("event_types"), index), str(exc)) from exc
    return patterns
