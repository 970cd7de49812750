"""OAuth 2 client credentials (RFC 6749, section 4.4): what is asked, and what an answer means.

Answers come from whatever a tenant named as the token endpoint. Nothing of their text is repeated
but the error codes that the RFC defines.
"""

from __future__ import annotations

import base64
import re
from typing import Final, NamedTuple
from urllib.parse import quote_plus, urlencode

import msgspec

from pipeline.domain.endpoint import OAuth2Auth

MAX_TOKEN_CHARS: Final = 8 * 1024
LONGEST_LIFETIME_SECONDS: Final = 86_400.0
UNSTATED_LIFETIME_SECONDS: Final = 300.0
"""Where the answer does not say: it SHOULD (section 5.1)."""
_MARGIN: Final = 0.1
_LONGEST_MARGIN_SECONDS: Final = 60.0
_OK: Final = 200
# The characters of a bearer token (RFC 6750, section 2.1), and whatever else is visible in ASCII:
# providers use more than they should, and none of these ends a header.
_TOKEN: Final = re.compile(r"[\x21-\x7e]+")
_ERRORS: Final = frozenset(
    {
        "invalid_client",
        "invalid_grant",
        "invalid_request",
        "invalid_scope",
        "unauthorized_client",
        "unsupported_grant_type",
    }
)

Headers = tuple[tuple[str, str], ...]


class TokenRefused(Exception):
    """No token can be had of this answer; the message is for the endpoint's log."""


class CredentialRefused(ValueError):
    """A client's id, secret or scope cannot be sent; the message names which and quotes nothing."""


class AccessToken(NamedTuple):
    """A bearer token, and for how long it may be used from when it was asked for."""

    text: str
    usable_seconds: float
    """Less than its lifetime: it must not end on the way."""


class TokenRequest(NamedTuple):
    """What is posted to the token endpoint."""

    headers: Headers
    body: bytes


class _Answer(msgspec.Struct):
    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - a kind of token
    expires_in: float | str | None = None


class _Error(msgspec.Struct):
    error: str


def token_request(auth: OAuth2Auth, *, user_agent: str) -> TokenRequest:
    """The request of section 4.4.2; the client authenticates by HTTP Basic (section 2.3.1).

    Raises:
        CredentialRefused: a text cannot be written in UTF-8.
    """
    try:
        return _written_request(auth, user_agent)
    except UnicodeEncodeError:
        # Without the cause: it carries the text.
        pass
    raise CredentialRefused("oauth2: a text has half a surrogate pair: leave it out")


def _written_request(auth: OAuth2Auth, user_agent: str) -> TokenRequest:
    identity = f"{quote_plus(auth.client_id)}:{quote_plus(auth.client_secret)}"
    form = {"grant_type": "client_credentials"}
    if auth.scope:
        form["scope"] = auth.scope
    return TokenRequest(
        (
            ("authorization", f"Basic {base64.b64encode(identity.encode()).decode()}"),
            ("content-type", "application/x-www-form-urlencoded"),
            ("accept", "application/json"),
            ("user-agent", user_agent),
        ),
        urlencode(form).encode(),
    )


def read_token_answer(status: int, body: bytes) -> AccessToken:
    """The token of a whole answer.

    Raises:
        TokenRefused: the answer is an error (section 5.2), or not what section 5.1 says.
    """
    if status != _OK:
        raise TokenRefused(f"the token endpoint answered {status}{_error_code(body)}")
    try:
        answer = msgspec.json.decode(body, type=_Answer, strict=True)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # Without the cause: its text may hold the token.
        answer = None
    if answer is None:
        raise TokenRefused("the token endpoint's answer is not JSON with an access_token")
    if answer.token_type.lower() != "bearer":
        raise TokenRefused("the token endpoint gave a token that is not of the type Bearer")
    if len(answer.access_token) > MAX_TOKEN_CHARS or not _TOKEN.fullmatch(answer.access_token):
        raise TokenRefused(
            f"the token endpoint's access_token is not 1 to {MAX_TOKEN_CHARS} visible characters"
        )
    return AccessToken(answer.access_token, _usable_seconds(answer.expires_in))


def _usable_seconds(expires_in: float | str | None) -> float:
    try:
        # Some providers write the number as a text.
        seconds = UNSTATED_LIFETIME_SECONDS if expires_in is None else float(expires_in)
    except ValueError:
        seconds = UNSTATED_LIFETIME_SECONDS
    if not seconds > 0:  # NaN too
        return 0.0
    seconds = min(seconds, LONGEST_LIFETIME_SECONDS)
    return seconds - min(seconds * _MARGIN, _LONGEST_MARGIN_SECONDS)


def _error_code(body: bytes) -> str:
    try:
        code = msgspec.json.decode(body, type=_Error).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    return f" ({code})" if code in _ERRORS else ""
