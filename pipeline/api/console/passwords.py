"""Operators' passwords: Argon2id with the parameters of RFC 9106 for little memory (64 MiB)."""

from __future__ import annotations

from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

LEAST_CHARS: Final = 12
MOST_CHARS: Final = 256

_HASHER: Final = PasswordHasher()
_NOBODYS: Final = _HASHER.hash("nobody has this password")
"""Verified where there is no such operator, so that the time of an answer does not tell."""


class UnusablePassword(ValueError):
    """The text says what to do."""


def check_password(password: str) -> None:
    """Raises UnusablePassword: it is too short or too long."""
    if not LEAST_CHARS <= len(password) <= MOST_CHARS:
        raise UnusablePassword(f"a password has {LEAST_CHARS} to {MOST_CHARS} characters")


def hash_of_password(password: str) -> str:
    """Slow on purpose: tens of milliseconds."""
    return _HASHER.hash(password)


def is_password(password: str, password_hash: str | None) -> bool:
    """Whether it is the one; with None the answer is no, as late as otherwise. Blocking."""
    try:
        is_it = _HASHER.verify(password_hash or _NOBODYS, password)
    except (VerificationError, InvalidHashError):
        return False
    return is_it and password_hash is not None
