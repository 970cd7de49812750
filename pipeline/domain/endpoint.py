"""Where an account wants its webhooks, and how."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Order(StrEnum):
    """Whether a delivery may overtake another one of the same endpoint."""

    NONE = "none"
    STRICT = "strict"


class EndpointStatus(StrEnum):
    """Whether an endpoint receives."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    PENDING = "pending"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Delays between attempts: n delays make n + 1 attempts.

    Jitter is a share of the delay, 0-0.5.
    """

    delays_ms: tuple[int, ...]
    jitter: float = 0.0


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `requests` in any `per_ms`."""

    requests: int
    per_ms: int


@dataclass(frozen=True, slots=True)
class BodyChoice:
    """What the endpoint's body looks like.

    One of its profile's formats, or a template of its own.
    """

    format: str | None = None
    template: str | None = None
    """JSON text."""


@dataclass(frozen=True, slots=True)
class TokenAuth:
    """A shared token in the header that the profile names."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class HeaderAuth:
    """A header of the customer's own choice."""

    name: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class BearerAuth:
    """`Authorization: Bearer <token>`."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class BasicAuth:
    """`Authorization: Basic ...` (RFC 7617)."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OAuth2Auth:
    """OAuth 2 client credentials (RFC 6749, section 4.4)."""

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class MutualTlsAuth:
    """A client certificate and its key, PEM."""

    certificate: str
    private_key: str = field(repr=False)


Auth = TokenAuth | HeaderAuth | BearerAuth | BasicAuth | OAuth2Auth | MutualTlsAuth


@dataclass(frozen=True, slots=True)
class SigningSecret:
    """A secret in the profile's form.

    After a rotation the old one signs beside until it expires.
    """

    value: str = field(repr=False)
    expires_at_ms: int | None = None
    """None for the current one."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """All that is secret of an endpoint: sealed in Kafka and in the store, open only in memory."""

    secrets: tuple[SigningSecret, ...] = ()
    """Symmetric secrets, the current one first."""
    signing_keys: tuple[SigningSecret, ...] = ()
    """ed25519 keys (`whsk_`), the current one first."""
    auth: Auth | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """A customer."""

    id: str
    profile: str
    name: str = ""
    plan: str | None = None
    webhooks_enabled: bool = True
    owner_email: str | None = None
    version: int = 0
    removed: bool = False


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint as its table record says it; `version` is that record's offset."""

    id: str
    account: str
    profile: str
    topic: str
    """The delivery topic that its deliveries are written to."""
    version: int = 0
    url: str | None = None
    email: str | None = None
    description: str = ""
    metadata: dict[str, str] = field(default_factory=dict[str, str])
    event_types: tuple[str, ...] = ()
    """Type patterns; empty means every type."""
    filter: str | None = None
    """JSON text of the filter."""
    body: BodyChoice = BodyChoice()
    headers: tuple[tuple[str, str], ...] = ()
    signing: tuple[str, ...] | None = None
    """Schemes; None means the profile's."""
    retry: RetryPolicy | None = None
    """None means the profile's."""
    order: Order = Order.NONE
    timeout_ms: int | None = None
    max_in_flight: int = 16
    rate_limit: RateLimit | None = None
    on_inactive: str = "keep"
    status: EndpointStatus = EndpointStatus.ACTIVE
    status_reason: str | None = None
    status_since_ms: int = 0
    created_at_ms: int = 0
    updated_at_ms: int = 0
    moved_from: str | None = None
    """The delivery topic before this one. It may hold deliveries yet, so it is still read."""
    moved_at_ms: int = 0
    drop_before_ms: int = 0
    """What was written to its delivery topic before this time is dropped: its owner said so."""
    sealed: bytes | None = field(default=None, repr=False)
    """The sealed credentials."""
