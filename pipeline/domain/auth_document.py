"""How an endpoint wants to be authenticated to, as it is written. No message quotes a secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, cast

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates

from pipeline.domain.document import DocumentError, Fields, members_of, nearest, shown
from pipeline.domain.endpoint import (
    Auth,
    BasicAuth,
    BearerAuth,
    HeaderAuth,
    MutualTlsAuth,
    OAuth2Auth,
    TokenAuth,
)
from pipeline.domain.header_names import InvalidHeader, check_header_name, check_header_value

MAX_PEM_CHARS: Final = 64 * 1024
MAX_PASSWORD_CHARS: Final = 1_024


def read_auth(value: object, pointer: str) -> Auth:
    """Credentials in one of the forms `{type: token|header|bearer|basic|oauth2|mtls, ...}`.

    Raises:
        DocumentError: the type or a field is unknown, missing, or not what it should be.
    """
    if not isinstance(value, Mapping):
        raise DocumentError(pointer, f"give an object with a type: {', '.join(_READERS)}")
    members = members_of(cast("object", value), pointer)
    kind = Fields({"type": members.get("type")}, pointer, known=("type",)).text("type")
    if kind not in _READERS:
        raise DocumentError(f"{pointer}/type", f"{shown(kind)}: {nearest(kind, _READERS)}")
    names, read = _READERS[kind]
    return read(Fields(members, pointer, known=("type", *names)))


def secret_text(fields: Fields, name: str) -> str:
    """A text that must be given and is never quoted.

    Raises:
        DocumentError: it is missing, no text, or empty.
    """
    text = fields.value(name)
    if not isinstance(text, str) or not text:
        raise DocumentError(fields.at(name), "give a text, in quotes")
    return text


def _token(fields: Fields) -> TokenAuth:
    return TokenAuth(_header_value(fields, "token"))


def _header(fields: Fields) -> HeaderAuth:
    name = fields.text("name")
    try:
        check_header_name(name)
    except InvalidHeader as exc:
        raise DocumentError(fields.at("name"), str(exc)) from exc
    return HeaderAuth(name, _header_value(fields, "value"))


def _bearer(fields: Fields) -> BearerAuth:
    token = _header_value(fields, "token")
    if " " in token:
        raise DocumentError(
            fields.at("token"), "a bearer token has no spaces: leave out the word Bearer"
        )
    return BearerAuth(token)


def _basic(fields: Fields) -> BasicAuth:
    """As in RFC 7617: the user name ends at the first colon, neither has control characters."""
    username = fields.text("username")
    if ":" in username or not _is_printable(username):
        raise DocumentError(
            fields.at("username"),
            f"write at most {MAX_PASSWORD_CHARS} printable characters without a colon",
        )
    password = secret_text(fields, "password")
    if not _is_printable(password):
        raise DocumentError(
            fields.at("password"), f"write at most {MAX_PASSWORD_CHARS} printable characters"
        )
    return BasicAuth(username, password)


def _oauth2(fields: Fields) -> OAuth2Auth:
    """Client credentials (RFC 6749, section 4.4); whether the URL may be called is not checked."""
    return OAuth2Auth(
        fields.text("token_url"),
        _printable(fields, "client_id", fields.text("client_id")),
        _printable(fields, "client_secret", secret_text(fields, "client_secret")),
        _printable(fields, "scope", fields.text("scope")) if "scope" in fields else None,
    )


def _mutual_tls(fields: Fields) -> MutualTlsAuth:
    certificate = _pem(fields, "certificate")
    private_key = _pem(fields, "private_key")
    if _key_of_certificate(certificate, fields) != _key_of_private_key(private_key, fields):
        raise DocumentError(
            fields.at("private_key"),
            "is not the key of the first certificate: give the two that belong together",
        )
    return MutualTlsAuth(certificate, private_key)


_READERS: Final[dict[str, tuple[tuple[str, ...], Callable[[Fields], Auth]]]] = {
    "token": (("token",), _token),
    "header": (("name", "value"), _header),
    "bearer": (("token",), _bearer),
    "basic": (("username", "password"), _basic),
    "oauth2": (("token_url", "client_id", "client_secret", "scope"), _oauth2),
    "mtls": (("certificate", "private_key"), _mutual_tls),
}


def _header_value(fields: Fields, name: str) -> str:
    value = secret_text(fields, name)
    try:
        check_header_value(value)
    except InvalidHeader as exc:
        raise DocumentError(fields.at(name), str(exc)) from exc
    return value


def _printable(fields: Fields, name: str, text: str) -> str:
    if not text or not _is_printable(text):
        raise DocumentError(
            fields.at(name), f"write 1 to {MAX_PASSWORD_CHARS} printable characters"
        )
    return text


def _is_printable(text: str) -> bool:
    # Halves of surrogate pairs are not printable either, so UTF-8 can write what is.
    return len(text) <= MAX_PASSWORD_CHARS and text.isprintable()


def _pem(fields: Fields, name: str) -> str:
    text = secret_text(fields, name)
    if len(text) > MAX_PEM_CHARS or not text.isascii() or "-----BEGIN " not in text:
        raise DocumentError(
            fields.at(name),
            f"give PEM text (-----BEGIN ...) of at most {MAX_PEM_CHARS} characters",
        )
    return text


def _key_of_certificate(certificate: str, fields: Fields) -> PublicKeyTypes:
    try:
        return load_pem_x509_certificates(certificate.encode("ascii"))[0].public_key()
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise DocumentError(
            fields.at("certificate"), f"is not a certificate in PEM that can be used: {exc}"
        ) from exc


def _key_of_private_key(private_key: str, fields: Fields) -> PublicKeyTypes:
    try:
        return load_pem_private_key(private_key.encode("ascii"), password=None).public_key()
    except TypeError:
        problem = "is encrypted: give it without a password, it is stored sealed"
    except (ValueError, UnsupportedAlgorithm):
        # Without the cause: nothing of a key belongs into a log.
        problem = "is not a private key in PEM that can be used"
    raise DocumentError(fields.at("private_key"), problem)
