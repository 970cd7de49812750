"""Sending by HTTP: the requests of one version of an endpoint."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from pipeline.domain.endpoint import (
    BasicAuth,
    BearerAuth,
    HeaderAuth,
    MutualTlsAuth,
    OAuth2Auth,
    TokenAuth,
)
from pipeline.domain.profile import WEBHOOK_ID_HEADER
from pipeline.domain.redaction import MASK
from pipeline.ports import Parcel

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.domain.delivery import Delivery
    from pipeline.domain.endpoint import Auth, Endpoint
    from pipeline.domain.profile import Profile
    from pipeline.domain.signing import Signer
    from pipeline.stages.sender.posting import Destination, Destinations, Headers, Posting

_AUTHORIZATION = "authorization"


@dataclass(frozen=True, slots=True)
class SenderIdentity:
    """How this pipeline names itself to receivers."""

    user_agent: str
    origin: str


class Authentication(NamedTuple):
    """What an endpoint's authentication adds to its requests."""

    headers: Headers = ()
    secrets: tuple[str, ...] = ()
    """What must not be repeated anywhere; the values of the headers, and what they are made of."""
    header_added: str | None = None
    """A header that whoever carries the request adds."""


class RequestWay:
    """Requests with the headers of the profile, the endpoint and its authentication."""

    __slots__ = ("_destination", "_logged", "_signer", "_templated")

    def __init__(
        self,
        destination: Destination,
        signer: Signer | None,
        *,
        templated_headers: Headers,
        logged_headers: dict[str, str],
    ) -> None:
        self._destination = destination
        self._signer = signer
        self._templated = templated_headers
        """Of the profile, with `{webhook_id}` in the value."""
        self._logged = logged_headers
        """Those that all requests have, as the log may hold them."""

    def headers(self, delivery: Delivery, /, *, now_ms: int) -> Headers:
        """Those that name and sign the delivery."""
        headers = (
            ("content-type", delivery.content_type),
            (WEBHOOK_ID_HEADER, delivery.webhook_id),
        )
        if self._templated:
            headers += tuple(
                (name, value.format(webhook_id=delivery.webhook_id))
                for name, value in self._templated
            )
        if delivery.headers:
            headers += tuple(delivery.headers.items())
        if self._signer is not None:
            headers += self._signer.headers(delivery.webhook_id, now_ms=now_ms, body=delivery.body)
        return headers

    def post(self, headers: Headers, delivery: Delivery, on_end: Callable[[], None], /) -> Posting:
        """Send the delivery's body, byte for byte."""
        return self._destination.post(headers, delivery.body, on_end)

    def logged(self, headers: Headers, /) -> dict[str, str]:
        """Without the values that authenticate."""
        return {**self._logged, **dict(headers)}


def request_way(
    endpoint: Endpoint,
    profile: Profile,
    *,
    auth: Auth | None,
    signer: Signer | None,
    ways: tuple[SenderIdentity, Destinations],
) -> tuple[RequestWay, tuple[str, ...]]:
    """How an endpoint with a URL is sent to, and the secrets that its requests carry."""
    identity, destinations = ways
    authentication = _authentication(endpoint, profile, auth)
    own = tuple(
        (name, value.replace("{origin}", identity.origin)) for name, value in profile.headers
    )
    shown = (
        ("user-agent", identity.user_agent),
        *(header for header in own if "{webhook_id}" not in header[1]),
        *endpoint.headers,
    )
    destination = destinations.destination(
        Parcel(
            endpoint.url or "",
            (*shown, *authentication.headers),
            b"",
            endpoint.timeout_ms or profile.timeout_ms,
            auth if isinstance(auth, MutualTlsAuth) else None,
            auth if isinstance(auth, OAuth2Auth) else None,
        ),
        acknowledged=profile.acknowledgement.acknowledged,
    )
    hidden = [name for name, _ in authentication.headers]
    if authentication.header_added is not None:
        hidden.append(authentication.header_added)
    way = RequestWay(
        destination,
        signer,
        templated_headers=tuple(header for header in own if "{webhook_id}" in header[1]),
        logged_headers={**dict(shown), **dict.fromkeys(hidden, MASK)},
    )
    return way, authentication.secrets


def _authentication(endpoint: Endpoint, profile: Profile, auth: Auth | None) -> Authentication:
    match auth:
        case TokenAuth(token):
            return _token_authentication(endpoint, profile, token)
        case HeaderAuth(name, value):
            return Authentication(((name, value),), (value,))
        case BearerAuth(token):
            return Authentication(((_AUTHORIZATION, f"Bearer {token}"),), (token,))
        case BasicAuth(username, password):
            code = base64.b64encode(f"{username}:{password}".encode()).decode()
            return Authentication(((_AUTHORIZATION, f"Basic {code}"),), (code, password))
        case OAuth2Auth():
            return Authentication((), (auth.client_secret,), _AUTHORIZATION)
        case _:
            return Authentication()


def _token_authentication(endpoint: Endpoint, profile: Profile, token: str) -> Authentication:
    header = profile.token_header
    if header is None or (header.https_only and not _is_https(endpoint)):
        return Authentication()
    return Authentication(((header.name, token),), (token,))


def _is_https(endpoint: Endpoint) -> bool:
    return (endpoint.url or "").lower().startswith("https:")
