"""Whether an endpoint's wishes fit its profile: types, body, headers, authentication, signature."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pipeline.domain.document import DocumentError, below, nearest, shown
from pipeline.domain.endpoint import (
    Auth,
    Endpoint,
    HeaderAuth,
    MutualTlsAuth,
    TokenAuth,
)
from pipeline.domain.endpoint_secrets import GivenCredentials, check_given, secret_forms
from pipeline.domain.profile import Profile
from pipeline.domain.rendering import CompiledBody, compile_body
from pipeline.domain.signing import InvalidSigning
from pipeline.domain.signing_secrets import InvalidSecret
from pipeline.domain.type_patterns import compile_patterns

_AUTHORIZATION: Final = "authorization"
"""Sent by `auth`."""


def check_fit(wanted: Endpoint, profile: Profile, given: GivenCredentials, *, pointer: str) -> None:
    """Do nothing where the profile can serve the endpoint.

    Raises:
        DocumentError: it cannot; the pointer names the endpoint's field.
    """
    _check_event_types(wanted.event_types, profile, pointer=below(pointer, "event_types"))
    try:
        body = compile_body(profile, wanted.body)
    except DocumentError as exc:
        raise DocumentError(f"{below(pointer, 'body')}{exc.pointer}", exc.text) from exc
    _check_auth(given.auth, profile, url=wanted.url or "", pointer=below(pointer, "auth"))
    taken = _taken(profile, body)
    _check_header_names(wanted.headers, taken, pointer=below(pointer, "headers"))
    if isinstance(given.auth, HeaderAuth):
        taken |= {name.lower() for name, _ in wanted.headers}
        _check_free(given.auth.name, taken, pointer=below(below(pointer, "auth"), "name"))
    _check_signing(wanted.signing, profile, given=given, pointer=pointer)


def _check_event_types(patterns: Iterable[str], profile: Profile, *, pointer: str) -> None:
    if profile.event_types_open:
        return
    known = [known.type for known in profile.event_types]
    for index, pattern in enumerate(patterns):
        matcher = compile_patterns((pattern,))
        if not any(matcher.matches(event_type) for event_type in known):
            raise DocumentError(
                below(pointer, index),
                f"{shown(pattern)}: {profile.name} has no such event type:"
                f" {nearest(pattern, known)}",
            )


def _check_auth(auth: Auth | None, profile: Profile, *, url: str, pointer: str) -> None:
    if isinstance(auth, TokenAuth) and profile.token_header is None:
        raise DocumentError(
            below(pointer, "type"),
            f"{profile.name} names no header for a token: write type: header, a name and a value",
        )
    if isinstance(auth, MutualTlsAuth) and not url.lower().startswith("https:"):
        raise DocumentError(below(pointer, "type"), "mtls needs a URL that begins with https://")


def _check_header_names(
    headers: Iterable[tuple[str, str]], taken: frozenset[str], *, pointer: str
) -> None:
    for name, _ in headers:
        place = below(pointer, name)
        if name.lower() == _AUTHORIZATION:
            raise DocumentError(place, "write it as auth (bearer, basic or header): it is a secret")
        _check_free(name, taken, pointer=place)


def _check_free(name: str, taken: frozenset[str], *, pointer: str) -> None:
    if name.lower() in taken:
        raise DocumentError(pointer, f"{name} is set elsewhere already: leave it out")


def _taken(profile: Profile, body: CompiledBody) -> frozenset[str]:
    """Names, in lower case, of the headers that the profile sets itself."""
    names = [name for name, _ in (*profile.headers, *body.headers)]
    if profile.signature is not None:
        names += [name for name, _ in profile.signature.headers]
    if profile.token_header is not None:
        names.append(profile.token_header.name)
    return frozenset(name.lower() for name in names)


def _check_signing(
    signing: tuple[str, ...] | None, profile: Profile, *, given: GivenCredentials, pointer: str
) -> None:
    if profile.signature is None and signing is not None:
        raise DocumentError(
            below(pointer, "signing"), f"{profile.name} signs nothing: leave it out"
        )
    try:
        check_given(given, secret_forms(profile.signature, signing))
    except InvalidSigning as exc:
        raise DocumentError(below(pointer, "signing"), str(exc)) from exc
    except InvalidSecret as exc:
        raise secret_error(exc, pointer) from exc


def secret_error(problem: InvalidSecret, pointer: str) -> DocumentError:
    """The problem with its place: its message begins with the field that it speaks of."""
    name, _, text = str(problem).partition(" ")
    return DocumentError(below(pointer, name), text)
