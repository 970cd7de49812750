"""Which secrets an endpoint signs with: those given, those it has, and those made for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from pipeline.domain.endpoint import Auth, Credentials, SigningSecret
from pipeline.domain.profile import KeyForm, Signature
from pipeline.domain.signing import signing_schemes
from pipeline.domain.signing_secrets import (
    NEW_SECRET_BYTES,
    InvalidSecret,
    check_secret,
    new_secret,
    public_key,
)

OVERLAP_MS: Final = 86_400_000
"""How long a replaced secret still signs beside the new one."""
MAX_KEPT: Final = 8
"""Secrets of one kind, the replaced ones included: each costs a signature in every request."""


@dataclass(frozen=True, slots=True)
class SecretForms:
    """The forms that the schemes of an endpoint need; none where nothing signs with such a key."""

    secret: tuple[KeyForm, ...] = ()
    signing_key: tuple[KeyForm, ...] = ()


@dataclass(frozen=True, slots=True)
class GivenCredentials:
    """What somebody wrote. None keeps a secret as it is; for `auth` it means none."""

    secret: str | None = field(default=None, repr=False)
    signing_key: str | None = field(default=None, repr=False)
    auth: Auth | None = None


@dataclass(frozen=True, slots=True)
class MadeSecrets:
    """What was made because nothing was given: to be shown once, and never again."""

    secret: str | None = field(default=None, repr=False)
    signing_key: str | None = field(default=None, repr=False)

    @property
    def public_key(self) -> str | None:
        """What receivers verify with, where a signing key was made."""
        return None if self.signing_key is None else public_key(self.signing_key)


NOTHING_MADE: Final = MadeSecrets()


@dataclass(frozen=True, slots=True)
class SecretSource:
    """What making and replacing secrets needs."""

    now_ms: int
    random_bytes: Callable[[int], bytes]
    """Answers that many unpredictable bytes."""


def secret_forms(signature: Signature | None, signing: tuple[str, ...] | None) -> SecretForms:
    """The forms for an endpoint that chose these schemes (None: the profile's default ones).

    Raises:
        InvalidSigning: a scheme is not the profile's, or none is chosen.
    """
    if signature is None:
        return SecretForms()
    schemes = signing_schemes(signature, signature.default_schemes if signing is None else signing)
    forms = {scheme.key for scheme in schemes}
    symmetric = forms - {KeyForm.WHSK}
    # A whsec_ is a text as well, so it is what must be made where both are needed.
    in_order = tuple(form for form in (KeyForm.WHSEC, KeyForm.TEXT) if form in symmetric)
    return SecretForms(in_order, tuple(forms - symmetric))


def check_given(given: GivenCredentials, forms: SecretForms) -> None:
    """Do nothing where the given secrets are in their forms.

    Raises:
        InvalidSecret: one is not, or nothing would sign with it; the message begins with its field.
    """
    for name, value, needed in (
        ("secret", given.secret, forms.secret),
        ("signing_key", given.signing_key, forms.signing_key),
    ):
        if value is None:
            continue
        if not needed:
            raise InvalidSecret(f"{name} is not used: nothing signs with it here, leave it out")
        for form in needed:
            check_secret(value, form, field=name)


def decide_credentials(
    given: GivenCredentials, present: Credentials, *, forms: SecretForms, source: SecretSource
) -> tuple[Credentials, MadeSecrets]:
    """The credentials from now on, and what had to be made for them.

    A secret that is given and is not the present one replaces it; the replaced one signs beside it
    for `OVERLAP_MS`. One that is needed, not given and not there is made.

    Raises:
        InvalidSecret: a kept secret is not in the form that the schemes need.
    """
    secrets, secret = _decide(
        given.secret, present.secrets, name="secret", forms=forms.secret, source=source
    )
    keys, key = _decide(
        given.signing_key,
        present.signing_keys,
        name="signing_key",
        forms=forms.signing_key,
        source=source,
    )
    return Credentials(secrets, keys, given.auth), MadeSecrets(secret, key)


def rotate_secret(
    given: str | None,
    present: Credentials,
    *,
    forms: SecretForms,
    overlap_ms: int,
    source: SecretSource,
) -> tuple[Credentials, str]:
    """The credentials with another current secret, which signs from now on, and that secret.

    The one before signs beside it for `overlap_ms`. Where nothing symmetric signs, it is the
    signing key that is replaced.

    Raises:
        InvalidSecret: nothing signs, or what is given is not in the form that is needed, or is the
            present one.
    """
    name, needed, before = "secret", forms.secret, present.secrets
    if not needed:
        needed, before = forms.signing_key, present.signing_keys
    if not needed:
        raise InvalidSecret(f"{name} is not used: nothing signs with it here")
    if given is None:
        value = new_secret(needed[0], source.random_bytes(NEW_SECRET_BYTES))
    else:
        value = given
        for form in needed:
            check_secret(value, form, field=name)
        if any(one.value == value and one.expires_at_ms is None for one in before):
            raise InvalidSecret(f"{name} is the present one: give another one, or none")
    now_ms = source.now_ms
    after = _replaced(value, before, forms=needed, now_ms=now_ms, overlap_ms=overlap_ms)
    if needed is forms.secret:
        return replace(present, secrets=after), value
    return replace(present, signing_keys=after), value


def _decide(
    given: str | None,
    present: tuple[SigningSecret, ...],
    *,
    name: str,
    forms: tuple[KeyForm, ...],
    source: SecretSource,
) -> tuple[tuple[SigningSecret, ...], str | None]:
    """The secrets of one kind, and the one that was made."""
    current = next((secret.value for secret in present if secret.expires_at_ms is None), None)
    if given is not None and given != current:
        return _replaced(given, present, forms=forms, now_ms=source.now_ms), None
    if current is None and forms:
        made = new_secret(forms[0], source.random_bytes(NEW_SECRET_BYTES))
        return _replaced(made, present, forms=forms, now_ms=source.now_ms), made
    for form in forms:
        if current is not None and not _fits(current, form):
            raise InvalidSecret(
                f"{name} is missing: the present one is not in the form that the profile needs"
            )
    return present, None


def _replaced(
    value: str,
    present: tuple[SigningSecret, ...],
    *,
    forms: tuple[KeyForm, ...],
    now_ms: int,
    overlap_ms: int = OVERLAP_MS,
) -> tuple[SigningSecret, ...]:
    """The new one first, then those that still sign: of the profile's form, and not expired."""
    kept = [
        secret
        if secret.expires_at_ms is not None
        else replace(secret, expires_at_ms=now_ms + overlap_ms)
        for secret in present
        if secret.value != value and all(_fits(secret.value, form) for form in forms)
    ]
    beside = [one for one in kept if one.expires_at_ms is not None and one.expires_at_ms > now_ms]
    return (SigningSecret(value), *beside[: MAX_KEPT - 1])


def _fits(value: str, form: KeyForm) -> bool:
    try:
        check_secret(value, form, field="secret")
    except InvalidSecret:
        return False
    return True
