"""Profiles as they are written, in YAML files or through the API: all of it checked."""

from __future__ import annotations

import re
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from pipeline.domain.acknowledgement import Acknowledgement, InvalidAcknowledgement
from pipeline.domain.document import (
    DocumentError,
    Fields,
    below,
    duration_of,
    positive_of,
    shown,
)
from pipeline.domain.format_document import check_name, read_content_type, read_formats
from pipeline.domain.header_names import InvalidHeader, check_header_name
from pipeline.domain.json_style import JsonStyle
from pipeline.domain.profile import Profile, TokenHeader
from pipeline.domain.rendering import compile_format
from pipeline.domain.retry_document import read_retry
from pipeline.domain.retry_schedule import DEFAULT_POLICY
from pipeline.domain.signature_document import check_placeholders, read_headers, read_signature
from pipeline.domain.subscription_document import read_event_types, read_filter, read_relations

PROFILE_FIELDS: Final = (
    *("name", "description", "formats", "content_type", "json_style", "headers", "token_header"),
    *("signature", "acknowledged", "final", "gone", "retry", "timeout", "inactive_after"),
    *("event_types", "filters", "relations", "plans", "webhooks_enabled", "self_service"),
    *("abuse_protection", "email_attachment"),
)
_STATUSES: Final = re.compile(r"([1-5])xx|([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?")
_MIN_TIMEOUT_MS: Final = 1_000
_MAX_TIMEOUT_MS: Final = 60_000
_DEFAULT_TIMEOUT: Final = "15s"
_DEFAULT_INACTIVE_AFTER: Final = "5d"
_DEFAULT_ATTACHMENT: Final = "{event_type}-{webhook_id}.json"
_DEFAULT_ACKNOWLEDGED: Final = ("2xx",)
_ANY_EVENT_TYPE: Final = ((), True)
_IN_HEADERS: Final = ("webhook_id", "origin")
_IN_ATTACHMENT: Final = ("event_type", "webhook_id")


class _Gone(StrEnum):
    DISABLE = "disable"
    FAIL = "fail"


def read_profile(document: object) -> Profile:
    """A profile out of what was read from YAML or JSON; its templates compile.

    Raises:
        DocumentError: a field is unknown, missing, or not what it should be.
    """
    fields = Fields(document, "", known=PROFILE_FIELDS)
    known_types, is_open = fields.optional("event_types", read_event_types) or _ANY_EVENT_TYPE
    profile = Profile(
        name=_profile_name(fields),
        description=fields.text("description", ""),
        formats=read_formats(fields),
        content_type=read_content_type(fields),
        json_style=fields.choice("json_style", JsonStyle.COMPACT),
        headers=read_headers(fields, "headers", _IN_HEADERS),
        token_header=fields.optional("token_header", _token_header),
        signature=fields.optional("signature", read_signature),
        acknowledgement=_acknowledgement(fields),
        retry=fields.optional("retry", read_retry) or DEFAULT_POLICY,
        timeout_ms=_timeout_ms(fields),
        inactive_after_ms=_duration_ms(fields, "inactive_after", _DEFAULT_INACTIVE_AFTER),
        event_types=known_types,
        event_types_open=is_open,
        filters=tuple(read_filter(item, at) for item, at in fields.items("filters")),
        relations=fields.optional("relations", read_relations),
        plans=_plans(fields),
        webhooks_enabled=fields.flag("webhooks_enabled", default=True),
        self_service=fields.flag("self_service", default=True),
        abuse_protection=fields.flag("abuse_protection", default=False),
        email_attachment=_email_attachment(fields),
    )
    _check_formats(profile)
    return profile


def _check_formats(profile: Profile) -> None:
    for name, body_format in profile.formats.items():
        try:
            compile_format(body_format, profile)
        except DocumentError as exc:
            raise DocumentError(f"{below('/formats', name)}{exc.pointer}", exc.text) from exc


def _profile_name(fields: Fields) -> str:
    name = fields.text("name")
    check_name(name, fields.at("name"))
    return name


def _token_header(value: object, pointer: str) -> TokenHeader:
    fields = Fields(value, pointer, known=("name", "https_only"))
    name = fields.text("name")
    try:
        check_header_name(name)
    except InvalidHeader as exc:
        raise DocumentError(fields.at("name"), str(exc)) from exc
    return TokenHeader(name, https_only=fields.flag("https_only", default=False))


def _acknowledgement(fields: Fields) -> Acknowledgement:
    try:
        return Acknowledgement(
            acknowledged=_statuses(fields, "acknowledged", _DEFAULT_ACKNOWLEDGED),
            final=_statuses(fields, "final", ()),
            gone_disables=fields.choice("gone", _Gone.FAIL) is _Gone.DISABLE,
        )
    except InvalidAcknowledgement as exc:
        name, _, text = str(exc).partition(": ")
        raise DocumentError(fields.at(name), text) from exc


def _statuses(fields: Fields, name: str, default: tuple[str, ...]) -> frozenset[int]:
    """Statuses (`200`), ranges (`400-404`) and classes (`2xx`)."""
    items = fields.items(name) if name in fields else [(item, "") for item in default]
    statuses: set[int] = set()
    for item, at in items:
        match = _STATUSES.fullmatch(str(item))
        if match is None:
            raise DocumentError(at, f"{shown(item)}: write a status, 400-404 or 2xx")
        of_class, first, last = match.groups()
        if of_class:
            statuses.update(range(int(of_class) * 100, int(of_class) * 100 + 100))
        else:
            statuses.update(range(int(first), int(last or first) + 1))
    return frozenset(statuses)


def _duration_ms(fields: Fields, name: str, default: str) -> int:
    return duration_of(fields.text(name, default), fields.at(name))


def _timeout_ms(fields: Fields) -> int:
    timeout_ms = _duration_ms(fields, "timeout", _DEFAULT_TIMEOUT)
    if not _MIN_TIMEOUT_MS <= timeout_ms <= _MAX_TIMEOUT_MS:
        raise DocumentError(fields.at("timeout"), f"{fields.text('timeout')}: write 1s to 60s")
    return timeout_ms


def _plans(fields: Fields) -> MappingProxyType[str, int]:
    at = fields.at("plans")
    members = fields.members("plans")
    return MappingProxyType({name: positive_of(n, below(at, name)) for name, n in members.items()})


def _email_attachment(fields: Fields) -> str:
    name = fields.text("email_attachment", _DEFAULT_ATTACHMENT)
    at = fields.at("email_attachment")
    if not name or not name.isprintable() or set(name) & set('/\\"'):
        raise DocumentError(at, f"{shown(name)}: write a file name, without / and quotes")
    check_placeholders(name, at, _IN_ATTACHMENT)
    return name
