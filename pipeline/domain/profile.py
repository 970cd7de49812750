"""A profile: a sender's whole contract as data. What a receiver sees and what its owner may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from pipeline.domain.acknowledgement import Acknowledgement
from pipeline.domain.endpoint import RetryPolicy
from pipeline.domain.json_style import JsonStyle

WEBHOOK_ID_HEADER = "webhook-id"
"""Sent with every request of every profile."""

_DEFAULT_ACKNOWLEDGEMENT: Final = Acknowledgement()


class Digest(StrEnum):
    """How a signature is made."""

    HMAC_SHA256 = "hmac-sha256"
    ED25519 = "ed25519"


class KeyForm(StrEnum):
    """How a secret is written, and so which bytes are the key."""

    WHSEC = "whsec"
    """`whsec_` and base64 of 24-64 bytes; the decoded bytes are the key."""
    WHSK = "whsk"
    """`whsk_` and base64 of an ed25519 seed (32 bytes), with or without its public key (32)."""
    TEXT = "text"
    """Any text of 1-256 characters; its UTF-8 bytes are the key."""


class Encoding(StrEnum):
    """How a signature's bytes are written."""

    BASE64 = "base64"
    """Standard alphabet, padded."""
    HEX = "hex"
    """Lower case."""


class TimestampUnit(StrEnum):
    """What `{timestamp}`, the time of the attempt, counts since the epoch; a whole number."""

    SECONDS = "seconds"
    MILLISECONDS = "milliseconds"


class Rotation(StrEnum):
    """Which secrets sign while a rotated one has not expired."""

    BESIDE = "beside"
    """Every unexpired one, the newest first."""
    NEWEST = "newest"
    """The newest alone, from the moment of the rotation."""


@dataclass(frozen=True, slots=True)
class Scheme:
    """One way to sign; an endpoint chooses among its profile's schemes by `name`."""

    name: str
    digest: Digest
    key: KeyForm
    encoding: Encoding
    prefix: str = ""
    """Written before each signature: `v1,` of Standard Webhooks, `sha256=` of others."""
    beside: str | None = None
    """A scheme that signs too whenever this one does (`v1` beside `v1a`), and before it."""


@dataclass(frozen=True, slots=True)
class Signature:
    """What is signed, with what, and which headers carry it.

    `content_prefix` and the header values may contain `{webhook_id}` and `{timestamp}`, the header
    values also `{signatures}`; both are valid for `str.format` with exactly those names.
    """

    schemes: tuple[Scheme, ...]
    default_schemes: tuple[str, ...]
    """Names of those that sign where an endpoint chooses none."""
    headers: tuple[tuple[str, str], ...]
    """Header names and what they contain, in the order sent."""
    content_prefix: str
    """What precedes the body in the signed bytes: `{webhook_id}.{timestamp}.`"""
    timestamp: TimestampUnit = TimestampUnit.SECONDS
    rotation: Rotation = Rotation.BESIDE
    separator: str = " "
    """Stands between two signatures in `{signatures}`."""


@dataclass(frozen=True, slots=True)
class BodyFormat:
    """One shape that an endpoint can choose for its body."""

    name: str
    template: str
    """JSON text in the template language."""
    content_type: str
    is_flat: bool = False
    """Whether the rendered object is brought to one level: `{"data.customer.id": 5}`."""
    headers: tuple[tuple[str, str], ...] = ()
    """Header names and a reference or a text each; one without a value is left out."""


@dataclass(frozen=True, slots=True)
class TokenHeader:
    """The header that carries an endpoint's shared token, where it has one."""

    name: str
    https_only: bool = False
    """Never sent over plain http."""


@dataclass(frozen=True, slots=True)
class KnownEventType:
    """An event type that this profile's owners can choose."""

    type: str
    """A type, or a pattern where the set is open."""
    description: str = ""


@dataclass(frozen=True, slots=True)
class OfferedFilter:
    """A filter that is offered by name beside the event types, such as one project's events."""

    name: str
    field: str
    """What it compares: `metadata.project`."""
    description: str = ""


@dataclass(frozen=True, slots=True)
class RelationRules:
    """Who may be told of a company: accounts that marked their relation with it with a star."""

    subject_prefix: str
    """An event concerns company `C` when its subject is this and `C`."""
    objects: tuple[str, ...]
    """Objects (an event type up to its last dot) that need such a subject."""
    star_in_data: tuple[str, ...]
    """Those of them admitted by a star in `data.current` or `data.previous` instead."""
    stars: tuple[str, ...]
    limit: int
    """Starred relations that an account may have."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A sender's contract. Made by `profile_document.read_profile`, which checks all of it."""

    name: str
    formats: Mapping[str, BodyFormat]
    """By name, the default one first."""
    retry: RetryPolicy
    description: str = ""
    content_type: str = "application/json"
    """Of a format that names no other, and of an endpoint's own template."""
    json_style: JsonStyle = JsonStyle.COMPACT
    headers: tuple[tuple[str, str], ...] = ()
    """Sent beside `webhook-id`; values may contain `{webhook_id}` and `{origin}`."""
    token_header: TokenHeader | None = None
    signature: Signature | None = None
    acknowledgement: Acknowledgement = _DEFAULT_ACKNOWLEDGEMENT
    """Which statuses acknowledge, which are final, and what a 410 does."""
    timeout_ms: int = 15_000
    """Of the whole request."""
    inactive_after_ms: int = 432_000_000
    """An endpoint with no success for this long, while deliveries were tried, becomes inactive."""
    event_types: tuple[KnownEventType, ...] = ()
    event_types_open: bool = True
    """Whether an endpoint may ask for other types than the known ones."""
    filters: tuple[OfferedFilter, ...] = ()
    relations: RelationRules | None = None
    plans: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """Endpoints that an account of each plan may have."""
    webhooks_enabled: bool = True
    """Whether a new account's webhooks are on."""
    self_service: bool = True
    """Whether an account's own key may write its endpoints."""
    abuse_protection: bool = False
    """Whether an endpoint must consent before anything is sent (CloudEvents web hook)."""
    email_attachment: str = "{event_type}-{webhook_id}.json"
    """Name of the attachment where an endpoint takes e-mail."""

    @property
    def default_format(self) -> BodyFormat:
        """What an endpoint gets that chooses no format."""
        return next(iter(self.formats.values()))
