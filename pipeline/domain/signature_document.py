"""The signature of a profile document: what is signed, how, and which headers carry it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from pipeline.domain.document import DocumentError, Fields, nearest, shown
from pipeline.domain.header_names import InvalidHeader, check_header_name, check_header_value
from pipeline.domain.profile import (
    Digest,
    Encoding,
    KeyForm,
    Rotation,
    Scheme,
    Signature,
    TimestampUnit,
)

_BODY: Final = "{body}"
_IN_CONTENT: Final = ("webhook_id", "timestamp")
_IN_HEADERS: Final = ("webhook_id", "timestamp", "signatures")
_PLACEHOLDER: Final = re.compile(r"\{[^{}]*\}")
_FORMS_OF_ED25519: Final = frozenset({KeyForm.WHSK})
_MAX_SCHEMES: Final = 8
_MAX_SEPARATOR_CHARS: Final = 4


def read_signature(value: object, pointer: str) -> Signature:
    """How requests are signed.

    Raises:
        DocumentError: a field is unknown, missing or does not fit the others.
    """
    known = ("content", "headers", "timestamp", "rotation", "separator", "default", "schemes")
    fields = Fields(value, pointer, known=known)
    schemes = _schemes(fields)
    signature = Signature(
        schemes=schemes,
        default_schemes=_default_schemes(fields, schemes),
        headers=read_headers(fields, "headers", _IN_HEADERS),
        content_prefix=_content_prefix(fields),
        timestamp=fields.choice("timestamp", TimestampUnit.SECONDS),
        rotation=fields.choice("rotation", Rotation.BESIDE),
        separator=_separator(fields),
    )
    if not any("{signatures}" in content for _, content in signature.headers):
        raise DocumentError(fields.at("headers"), "one header must contain {signatures}")
    return signature


def read_headers(
    fields: Fields, name: str, placeholders: Iterable[str]
) -> tuple[tuple[str, str], ...]:
    """Headers of a document, whose values may contain some placeholders.

    Raises:
        DocumentError: a name may not be used, or a value has another placeholder.
    """
    headers: list[tuple[str, str]] = []
    names: set[str] = set()
    for header, content in fields.members(name).items():
        place = f"{fields.at(name)}/{header}"
        if not isinstance(content, str):
            raise DocumentError(place, f"{shown(content)}: give a text, in quotes")
        try:
            check_header_name(header)
            check_header_value(content)
        except InvalidHeader as exc:
            raise DocumentError(place, str(exc)) from exc
        if header.lower() in names:
            raise DocumentError(place, "the header is given twice")
        names.add(header.lower())
        check_placeholders(content, place, placeholders)
        headers.append((header, content))
    return tuple(headers)


def check_placeholders(text: str, pointer: str, known: Iterable[str]) -> None:
    """Do nothing where all that stands in braces is known, so that `str.format` can fill it in.

    Raises:
        DocumentError: a placeholder is unknown, or a brace has no partner.
    """
    names = tuple(known)
    for placeholder in _PLACEHOLDER.findall(text):
        name = placeholder[1:-1]
        if name not in names:
            raise DocumentError(pointer, f"{shown(placeholder)}: {nearest(name, names)}")
    if set(_PLACEHOLDER.sub("", text)) & {"{", "}"}:
        raise DocumentError(pointer, f"{shown(text)}: braces may stand around a name alone")


def _content_prefix(fields: Fields) -> str:
    content = fields.text("content")
    prefix = content.removesuffix(_BODY)
    if prefix == content or _BODY in prefix:
        raise DocumentError(fields.at("content"), f"{shown(content)}: end it with {_BODY}, once")
    check_placeholders(prefix, fields.at("content"), _IN_CONTENT)
    return prefix


def _separator(fields: Fields) -> str:
    separator = fields.text("separator", " ")
    printable = separator.isascii() and separator.isprintable()
    if not printable or not 1 <= len(separator) <= _MAX_SEPARATOR_CHARS:
        raise DocumentError(
            fields.at("separator"),
            f"{shown(separator)}: write 1 to {_MAX_SEPARATOR_CHARS} printable ASCII characters",
        )
    return separator


def _schemes(fields: Fields) -> tuple[Scheme, ...]:
    members = fields.members("schemes")
    if not 1 <= len(members) <= _MAX_SCHEMES:
        raise DocumentError(fields.at("schemes"), f"give 1 to {_MAX_SCHEMES} schemes")
    place = fields.at("schemes")
    schemes = tuple(_scheme(name, value, f"{place}/{name}") for name, value in members.items())
    for scheme in schemes:
        if scheme.beside is not None and (
            scheme.beside == scheme.name or not members.get(scheme.beside)
        ):
            raise DocumentError(
                f"{place}/{scheme.name}/beside",
                f"{shown(scheme.beside)}: {nearest(scheme.beside, members.keys() - {scheme.name})}",
            )
    return schemes


def _scheme(name: str, value: object, pointer: str) -> Scheme:
    fields = Fields(value, pointer, known=("digest", "key", "encoding", "prefix", "beside"))
    digest = fields.choice("digest", Digest.HMAC_SHA256)
    key = fields.choice("key", KeyForm.WHSK if digest is Digest.ED25519 else KeyForm.WHSEC)
    if (digest is Digest.ED25519) != (key in _FORMS_OF_ED25519):
        raise DocumentError(fields.at("key"), f"{shown(key.value)} is no key for {digest.value}")
    prefix = fields.text("prefix", "")
    if not prefix.isascii() or not prefix.isprintable() or " " in prefix:
        raise DocumentError(fields.at("prefix"), f"{shown(prefix)}: printable ASCII, no spaces")
    return Scheme(
        name=name,
        digest=digest,
        key=key,
        encoding=fields.choice("encoding", Encoding.BASE64),
        prefix=prefix,
        beside=fields.text("beside", "") or None,
    )


def _default_schemes(fields: Fields, schemes: tuple[Scheme, ...]) -> tuple[str, ...]:
    names = [scheme.name for scheme in schemes]
    chosen = fields.texts("default") or (names[0],)
    for index, name in enumerate(chosen):
        if name not in names:
            raise DocumentError(
                f"{fields.at('default')}/{index}", f"{shown(name)}: {nearest(name, names)}"
            )
    return chosen
