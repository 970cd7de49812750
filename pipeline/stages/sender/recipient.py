"""An endpoint made ready for sending: everything that is the same for each of its attempts."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.domain.endpoint import (
    BasicAuth,
    BearerAuth,
    HeaderAuth,
    MutualTlsAuth,
    Order,
    TokenAuth,
)
from pipeline.domain.profile import WEBHOOK_ID_HEADER
from pipeline.domain.retry import RetryRules
from pipeline.domain.signing import prepare_signer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.domain.delivery import Delivery
    from pipeline.domain.endpoint import Auth, Credentials, Endpoint
    from pipeline.domain.profile import Profile
    from pipeline.domain.signing import Signer
    from pipeline.domain.tiers import Tier
    from pipeline.ports import Parcel

MASK = "***"
Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class SenderIdentity:
    """How this pipeline names itself to receivers."""

    user_agent: str
    origin: str


@dataclass(frozen=True, slots=True)
class Recipient:
    """One version of an endpoint, compiled."""

    endpoint: Endpoint
    profile: Profile
    rules: RetryRules
    timeout_ms: int
    signer: Signer | None
    fixed_headers: Headers
    """Without those that name the delivery."""
    templated_headers: Headers
    """Of the profile, with `{webhook_id}` in the value."""
    secret_headers: frozenset[str]
    """Names, in lower case, whose values no log may hold."""
    client_certificate: MutualTlsAuth | None

    @property
    def is_strict(self) -> bool:
        """Whether its deliveries go one at a time, in order."""
        return self.endpoint.order == Order.STRICT

    def headers(self, delivery: Delivery, *, now_ms: int) -> Headers:
        """All headers of an attempt that starts now."""
        headers = (
            ("content-type", delivery.content_type),
            (WEBHOOK_ID_HEADER, delivery.webhook_id),
            *self.fixed_headers,
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

    def masked(self, parcel: Parcel) -> dict[str, str]:
        """A request's headers as the log may hold them."""
        secret = self.secret_headers
        return {name: MASK if name.lower() in secret else value for name, value in parcel.headers}


def prepare_recipient(
    endpoint: Endpoint,
    profile: Profile,
    *,
    credentials: Credentials,
    identity: SenderIdentity,
    tiers: Sequence[Tier],
) -> Recipient:
    """Compile an endpoint.

    Raises InvalidSigning or InvalidSecret where its secrets do not fit its profile.
    """
    auth_headers = _auth_headers(endpoint, profile, credentials.auth)
    own = tuple(
        (name, value.replace("{origin}", identity.origin)) for name, value in profile.headers
    )
    signature = profile.signature
    return Recipient(
        endpoint=endpoint,
        profile=profile,
        rules=RetryRules(
            policy=endpoint.retry or profile.retry,
            acknowledgement=profile.acknowledgement,
            tiers=tuple(tiers),
        ),
        timeout_ms=endpoint.timeout_ms or profile.timeout_ms,
        signer=prepare_signer(signature, schemes=endpoint.signing, credentials=credentials)
        if signature
        else None,
        fixed_headers=(
            ("user-agent", identity.user_agent),
            *(header for header in own if "{webhook_id}" not in header[1]),
            *endpoint.headers,
            *auth_headers,
        ),
        templated_headers=tuple(header for header in own if "{webhook_id}" in header[1]),
        secret_headers=frozenset(name.lower() for name, _ in auth_headers),
        client_certificate=credentials.auth
        if isinstance(credentials.auth, MutualTlsAuth)
        else None,
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
