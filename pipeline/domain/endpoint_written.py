"""Endpoints as the API writes them: what `endpoint_document.py` reads, without any secret.

Reading what was written gives the same endpoint again, but for what is secret: in its place stands
`MASK`, which means the present value wherever somebody sends it back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final, cast

from pipeline.domain.document import DocumentError, below, members_of
from pipeline.domain.durations import format_duration
from pipeline.domain.endpoint import (
    Auth,
    BasicAuth,
    BearerAuth,
    BodyChoice,
    Credentials,
    Endpoint,
    EndpointStatus,
    HeaderAuth,
    MutualTlsAuth,
    OAuth2Auth,
    RateLimit,
    RetryPolicy,
    TokenAuth,
)
from pipeline.domain.merge_patch import merged
from pipeline.domain.rfc3339 import time_text_of
from pipeline.domain.signing_secrets import public_key

MASK: Final = "***"
UNREADABLE: Final = "unreadable"
"""The type of an authentication that cannot be opened with the present key."""

_US_PER_MS: Final = 1_000
_EXPONENTIAL: Final = frozenset(("first", "factor", "cap", "attempts"))


def written_endpoint(endpoint: Endpoint, credentials: Credentials | None) -> dict[str, object]:
    """What its owner set, in the form in which it is read; null where that means the default.

    `credentials` None: they cannot be opened.
    """
    auth = None if credentials is None else credentials.auth
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "email": endpoint.email,
        "description": endpoint.description,
        "metadata": dict(endpoint.metadata),
        "profile": endpoint.profile,
        "event_types": list(endpoint.event_types),
        "filter": None if endpoint.filter is None else json.loads(endpoint.filter),
        "body": _written_body(endpoint.body),
        "auth": {"type": UNREADABLE} if credentials is None else auth and _written_auth(auth),
        "headers": dict(endpoint.headers),
        "signing": None if endpoint.signing is None else list(endpoint.signing),
        "retry": endpoint.retry and _written_retry(endpoint.retry),
        "order": endpoint.order.value,
        "timeout": None if endpoint.timeout_ms is None else format_duration(endpoint.timeout_ms),
        "max_in_flight": endpoint.max_in_flight,
        "rate_limit": endpoint.rate_limit and _written_rate(endpoint.rate_limit),
        "on_inactive": endpoint.on_inactive,
    }


def answered_endpoint(endpoint: Endpoint, credentials: Credentials | None) -> dict[str, object]:
    """The same with all that is decided for it."""
    return {
        "account": endpoint.account,
        **written_endpoint(endpoint, credentials),
        "active": endpoint.status is EndpointStatus.ACTIVE,
        "public_key": credentials and _public_key(credentials),
        "status": endpoint.status.value,
        "status_reason": endpoint.status_reason,
        "status_since": _time(endpoint.status_since_ms),
        "created_at": _time(endpoint.created_at_ms),
        "updated_at": _time(endpoint.updated_at_ms),
        "topic": endpoint.topic,
    }


def patched_endpoint(
    endpoint: Endpoint, credentials: Credentials | None, patch: Mapping[str, object]
) -> dict[str, object]:
    """The endpoint's document with a merge patch applied (RFC 7396), ready to be read.

    Where there are alternatives (a format or a template, delays or a first one, the types of
    `auth`), naming another one replaces the present one. What stays of `auth` has its secrets.

    Raises:
        DocumentError: the patch is nested too deep, or a mask stands where there is no secret.
    """
    written = written_endpoint(endpoint, credentials)
    for name, gone in _replaced_alternatives(written, patch).items():
        present = cast("dict[str, object]", written[name])
        written[name] = {key: value for key, value in present.items() if key not in gone}
    document = cast("dict[str, object]", merged(written, patch))
    auth = document.get("auth")
    if isinstance(auth, Mapping):
        document["auth"] = _unmasked(members_of(cast("object", auth), "/auth"), credentials)
    return document


def _replaced_alternatives(
    written: Mapping[str, object], patch: Mapping[str, object]
) -> dict[str, frozenset[str]]:
    """Members of written objects that go because the patch names their alternative."""
    gone: dict[str, frozenset[str]] = {}
    for name in ("auth", "body", "retry"):
        old, new = written[name], patch.get(name)
        if not isinstance(old, Mapping) or not isinstance(new, Mapping):
            continue
        present = cast("Mapping[str, object]", old)
        changes = cast("Mapping[str, object]", new)
        given = frozenset(key for key, value in changes.items() if value is not None)
        if name == "auth" and changes.get("type", present["type"]) != present["type"]:
            gone[name] = frozenset(present)
        elif name == "body" and given & {"format", "template"}:
            gone[name] = frozenset(("format", "template")) - given
        elif name == "retry" and given & _EXPONENTIAL:
            gone[name] = frozenset(("delays",)) - given
    return gone


def _unmasked(auth: Mapping[str, object], credentials: Credentials | None) -> dict[str, object]:
    if auth.get("type") == UNREADABLE:
        raise DocumentError(
            "/auth",
            "the present one cannot be opened: bring the key back that secrets are sealed with,"
            " or write it anew, or null for none",
        )
    present = credentials and credentials.auth
    open_auth = {} if present is None else _open_auth(present)
    same_type = open_auth.get("type") == auth.get("type")
    result = dict(auth)
    for name, value in auth.items():
        if value != MASK:
            continue
        if not same_type or name not in open_auth:
            raise DocumentError(
                below("/auth", name), f"{MASK} stands for the present value, and there is none"
            )
        result[name] = open_auth[name]
    return result


def _written_body(body: BodyChoice) -> dict[str, object] | None:
    if body.template is not None:
        return {"template": json.loads(body.template)}
    return None if body.format is None else {"format": body.format}


def _written_retry(retry: RetryPolicy) -> dict[str, object]:
    return {"delays": list(map(format_duration, retry.delays_ms)), "jitter": retry.jitter}


def _written_rate(limit: RateLimit) -> dict[str, object]:
    return {"requests": limit.requests, "per": format_duration(limit.per_ms)}


def _written_auth(auth: Auth) -> dict[str, object]:
    secret = _SECRET_MEMBERS[type(auth)]
    return {
        name: MASK if name == secret else value
        for name, value in _open_auth(auth).items()
        if value is not None
    }


_SECRET_MEMBERS: Final[dict[type[object], str]] = {
    TokenAuth: "token",
    HeaderAuth: "value",
    BearerAuth: "token",
    BasicAuth: "password",
    OAuth2Auth: "client_secret",
    MutualTlsAuth: "private_key",
}


def _open_auth(auth: Auth) -> dict[str, str | None]:
    match auth:
        case TokenAuth(token):
            return {"type": "token", "token": token}
        case HeaderAuth(name, value):
            return {"type": "header", "name": name, "value": value}
        case BearerAuth(token):
            return {"type": "bearer", "token": token}
        case BasicAuth(username, password):
            return {"type": "basic", "username": username, "password": password}
        case OAuth2Auth():
            return {
                "type": "oauth2",
                "token_url": auth.token_url,
                "client_id": auth.client_id,
                "client_secret": auth.client_secret,
                "scope": auth.scope,
            }
        case MutualTlsAuth(certificate, private_key):
            return {"type": "mtls", "certificate": certificate, "private_key": private_key}


def _public_key(credentials: Credentials) -> str | None:
    current = (key.value for key in credentials.signing_keys if key.expires_at_ms is None)
    return next(map(public_key, current), None)


def _time(time_ms: int) -> str:
    return time_text_of(time_ms * _US_PER_MS)
