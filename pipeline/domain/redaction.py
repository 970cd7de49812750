"""Secrets taken out of what receivers send back: some repeat the request that they were sent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

MASK: Final = "***"
_SHORTEST_CHARS: Final = 4
"""What is shorter stands in every other text by chance."""
_MASK_BYTES: Final = MASK.encode()


class Redaction:
    """Masks some secrets wherever they stand."""

    __slots__ = ("_secrets",)

    def __init__(self, secrets: Iterable[str]) -> None:
        fit = {secret for secret in secrets if len(secret) >= _SHORTEST_CHARS}
        # The longest first: one may be a part of another.
        self._secrets = sorted(fit, key=len, reverse=True)

    def of_text(self, text: str) -> str:
        """The text without them."""
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text

    def of_bytes(self, content: bytes) -> bytes:
        """The bytes without them, as UTF-8 has them."""
        for secret in self._secrets:
            content = content.replace(secret.encode("utf-8", "surrogatepass"), _MASK_BYTES)
        return content
