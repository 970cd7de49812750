"""Credentials as JSON: what is sealed beside an endpoint's record, and opened in memory alone.

The same credentials always give the same bytes. Reading is strict: what is not known is refused,
for it would be lost at the next writing. No message quotes a value.
"""

from __future__ import annotations

from typing import Final

import msgspec

from pipeline.domain.endpoint import (
    Auth,
    BasicAuth,
    BearerAuth,
    Credentials,
    HeaderAuth,
    MutualTlsAuth,
    OAuth2Auth,
    SigningSecret,
    TokenAuth,
)

MAX_CREDENTIALS_BYTES: Final = 256 * 1024
"""Certificates are the largest of what they hold; more is a mistake."""


class InvalidCredentials(ValueError):
    """Bytes are not an endpoint's credentials; the message says where and why."""


class _Written(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, frozen=True):
    pass


class _Secret(_Written, frozen=True):
    value: str
    expires_at_ms: int | None = None


class _Token(_Written, frozen=True, tag_field="type", tag="token"):
    token: str


class _Header(_Written, frozen=True, tag_field="type", tag="header"):
    name: str
    value: str


class _Bearer(_Written, frozen=True, tag_field="type", tag="bearer"):
    token: str


class _Basic(_Written, frozen=True, tag_field="type", tag="basic"):
    username: str
    password: str


class _OAuth2(_Written, frozen=True, tag_field="type", tag="oauth2"):
    token_url: str
    client_id: str
    client_secret: str
    scope: str | None = None


class _MutualTls(_Written, frozen=True, tag_field="type", tag="mtls"):
    certificate: str
    private_key: str


_WrittenAuth = _Token | _Header | _Bearer | _Basic | _OAuth2 | _MutualTls


class _Credentials(_Written, frozen=True):
    secrets: tuple[_Secret, ...] = ()
    signing_keys: tuple[_Secret, ...] = ()
    auth: _WrittenAuth | None = None


_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(_Credentials)


def write_credentials(credentials: Credentials) -> bytes:
    """Compact JSON in UTF-8, members in one fixed order, absent ones left out.

    Raises:
        InvalidCredentials: a text cannot be written in UTF-8.
    """
    written = _Credentials(
        _written_secrets(credentials.secrets),
        _written_secrets(credentials.signing_keys),
        None if credentials.auth is None else _written_auth(credentials.auth),
    )
    try:
        return _ENCODER.encode(written)
    except UnicodeEncodeError:
        # Without the cause: it carries the text.
        pass
    raise InvalidCredentials("credentials: a text has half a surrogate pair: leave it out")


def read_credentials(written: bytes) -> Credentials:
    """The credentials that `write_credentials` wrote.

    Raises:
        InvalidCredentials: it is not JSON in UTF-8, a member is unknown, missing or of the wrong
            type, or it is larger than 256 KiB.
    """
    if len(written) > MAX_CREDENTIALS_BYTES:
        raise InvalidCredentials(
            f"credentials: {len(written)} bytes are too many: at most {MAX_CREDENTIALS_BYTES}"
        )
    try:
        read = _DECODER.decode(written)
    except msgspec.DecodeError as exc:
        problem = str(exc)
    except UnicodeDecodeError:
        # Its text holds the bytes, and what is secret in them.
        problem = "not UTF-8"
    except RecursionError:
        problem = "too deeply nested"
    else:
        return Credentials(
            _read_secrets(read.secrets),
            _read_secrets(read.signing_keys),
            None if read.auth is None else _read_auth(read.auth),
        )
    raise InvalidCredentials(f"credentials: {problem}")


def _read_secrets(written: tuple[_Secret, ...]) -> tuple[SigningSecret, ...]:
    return tuple(SigningSecret(one.value, one.expires_at_ms) for one in written)


def _written_secrets(secrets: tuple[SigningSecret, ...]) -> tuple[_Secret, ...]:
    return tuple(_Secret(one.value, one.expires_at_ms) for one in secrets)


def _written_auth(auth: Auth) -> _WrittenAuth:
    match auth:
        case TokenAuth():
            return _Token(auth.token)
        case HeaderAuth():
            return _Header(auth.name, auth.value)
        case BearerAuth():
            return _Bearer(auth.token)
        case BasicAuth():
            return _Basic(auth.username, auth.password)
        case OAuth2Auth():
            return _OAuth2(auth.token_url, auth.client_id, auth.client_secret, auth.scope)
        case MutualTlsAuth():
            return _MutualTls(auth.certificate, auth.private_key)


def _read_auth(written: _WrittenAuth) -> Auth:
    match written:
        case _Token():
            return TokenAuth(written.token)
        case _Header():
            return HeaderAuth(written.name, written.value)
        case _Bearer():
            return BearerAuth(written.token)
        case _Basic():
            return BasicAuth(written.username, written.password)
        case _OAuth2():
            return OAuth2Auth(
                written.token_url, written.client_id, written.client_secret, written.scope
            )
        case _MutualTls():
            return MutualTlsAuth(written.certificate, written.private_key)
