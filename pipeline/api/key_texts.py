"""What API keys look like: their id, and 256 random bits."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Final

SECRET_BYTES: Final = 32
MAX_KEY_CHARS: Final = 1024
_ID_CHARS: Final = len("key_") + 26
_TEXT: Final = re.compile(r"key_[0-9A-Z]{26}_[A-Za-z0-9_-]{43}", re.ASCII)


def key_text(key_id: str, secret: bytes) -> str:
    """What the key's owner gets, and nobody keeps."""
    return f"{key_id}_{urlsafe_b64encode(secret).rstrip(b'=').decode('ascii')}"


def id_in(text: str) -> str | None:
    """The id of the key whose text this may be; None: it is none of ours."""
    return text[:_ID_CHARS] if _TEXT.fullmatch(text) else None


def hash_of(text: str) -> bytes:
    """What is kept of a key's text."""
    return sha256(text.encode()).digest()
