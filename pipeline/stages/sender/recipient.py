"""An endpoint made ready for sending: everything that is the same for each of its attempts."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.domain.endpoint import (
    BasicAuth,
    BearerAuth,
    EndpointStatus,
    HeaderAuth,
    MutualTlsAuth,
    Order,
    TokenAuth,
)
from pipeline.domain.profile import WEBHOOK_ID_HEADER
from pipeline.domain.retry import RetryRules
from pipeline.domain.signing import prepare_signer
from pipeline.ports import Parcel

if TYPE_CHECKING:
    from pipeline.domain.delivery import Delivery
    from pipeline.domain.endpoint import Auth, Credentials, Endpoint
    from pipeline.domain.profile import Profile
    from pipeline.domain.signing import Signer
    from pipeline.domain.tiers import Tier
    from pipeline.stages.sender.posting import Destination, Destinations, Headers

MASK = "***"


@dataclass(frozen=True, slots=True)
class SenderIdentity:
    """How this pipeline names itself to receivers."""

    user_agent: str
    origin: str


@dataclass(frozen=True, slots=True)
class SendingWays:
    """What is the same for all endpoints."""

    identity: SenderIdentity
    tiers: tuple[Tier, ...]
    destinations: Destinations


@dataclass(frozen=True, slots=True)
class Recipient:
    """One version of an endpoint, compiled."""

    endpoint: Endpoint
    profile: Profile
    rules: RetryRules
    destination: Destination
    signer: Signer | None
    fixed_headers: Headers
    """Without those that name the delivery; the destination's requests have them already."""
    templated_headers: Headers
    """Of the profile, with `{webhook_id}` in the value."""
    secret_headers: frozenset[str]
    """Names, in lower case, whose values no log may hold."""
    is_active: bool
    is_strict: bool
    """Whether its deliveries go one at a time, in order."""
    most_in_flight: int

    def headers(self, delivery: Delivery, *, now_ms: int) -> Headers:
        """The headers of an attempt that starts now, but for the fixed ones."""
        headers = (
            ("content-type", delivery.content_type),
            (WEBHOOK_ID_HEADER, delivery.webhook_id),
        )
        if self.templated_headers:
            headers += tuple(
                (name, value.format(webhook_id=delivery.webhook_id))
                for name, value in self.templated_headers
            )
        if delivery.headers:
            headers += tuple(delivery.headers.items())
        if self.signer is not None:
            headers += self.signer.headers(delivery.webhook_id, now_ms=now_ms, body=delivery.body)
        return headers

    def masked(self, headers: Headers) -> dict[str, str]:
        """All headers of a request with these of its own, as the log may hold them."""
        secret = self.secret_headers
        return {
            name: MASK if name.lower() in secret else value
            for name, value in (*self.fixed_headers, *headers)
        }


def prepare_recipient(
    endpoint: Endpoint,
    profile: Profile,
    *,
    credentials: Credentials,
    ways: SendingWays,
) -> Recipient:
    """Compile an endpoint.

    Raises InvalidSigning or InvalidSecret where its secrets do not fit its profile.
    """
    auth_headers = _auth_headers(endpoint, profile, credentials.auth)
    own = tuple(
        (name, value.replace("{origin}", ways.identity.origin)) for name, value in profile.headers
    )
    signature = profile.signature
    fixed_headers = (
        ("user-agent", ways.identity.user_agent),
        *(header for header in own if "{webhook_id}" not in header[1]),
        *endpoint.headers,
        *auth_headers,
    )
    is_strict = endpoint.order == Order.STRICT
    return Recipient(
        endpoint=endpoint,
        profile=profile,
        rules=RetryRules(
            policy=endpoint.retry or profile.retry,
            acknowledgement=profile.acknowledgement,
            tiers=ways.tiers,
        ),
        destination=ways.destinations.destination(
            Parcel(
                endpoint.url or "",
                fixed_headers,
                b"",
                endpoint.timeout_ms or profile.timeout_ms,
                credentials.auth if isinstance(credentials.auth, MutualTlsAuth) else None,
            ),
            acknowledged=profile.acknowledgement.acknowledged,
        ),
        signer=prepare_signer(signature, schemes=endpoint.signing, credentials=credentials)
        if signature
        else None,
        fixed_headers=fixed_headers,
        templated_headers=tuple(header for header in own if "{webhook_id}" in header[1]),
        secret_headers=frozenset(name.lower() for name, _ in auth_headers),
        is_active=endpoint.status == EndpointStatus.ACTIVE,
        is_strict=is_strict,
        most_in_flight=1 if is_strict else endpoint.max_in_flight,
    )


def _auth_headers(endpoint: Endpoint, profile: Profile, auth: Auth | None) -> Headers:
    match auth:
        case TokenAuth(token):
            header = profile.token_header
            if header is None or (header.https_only and not _is_https(endpoint)):
                return ()
            return ((header.name, token),)
        case HeaderAuth(name, value):
            return ((name, value),)
        case BearerAuth(token):
            return (("authorization", f"Bearer {token}"),)
        case BasicAuth(username, password):
            code = base64.b64encode(f"{username}:{password}".encode()).decode()
            return (("authorization", f"Basic {code}"),)
        case _:
            return ()


def _is_https(endpoint: Endpoint) -> bool:
    return (endpoint.url or "").lower().startswith("https:")
