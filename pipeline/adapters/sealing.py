"""Seals what is secret of an endpoint before it leaves memory, and opens it again (AES-256-GCM).

A sealed value, byte by byte: 1 the version (1), 4 the id of the key, 12 the nonce, then the content
and 16 of a tag. The record's key is sealed in with it, so a value that is copied into another
endpoint's record cannot be opened there. The id of a key is the beginning of its SHA-256; it says
which of several keys a value was sealed with, so that keys can be changed one value at a time.
"""

from __future__ import annotations

import binascii
import os
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final
from uuid import uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES: Final = 32

_VERSION: Final = b"\x01"
_KEY_ID_BYTES: Final = 4
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_HEADER_BYTES: Final = len(_VERSION) + _KEY_ID_BYTES
_LEAST_BYTES: Final = _HEADER_BYTES + _NONCE_BYTES + _TAG_BYTES
_MAX_KEY_FILE_BYTES: Final = 4096
_ADVICE: Final = "make one with: openssl rand -base64 32"


class UnusableKey(Exception):
    """There is no key to seal with; the text says why and what to do, and never quotes it."""


class CannotOpen(Exception):
    """A sealed value cannot be opened; the text says why."""


class Sealer:
    """Seals with one key; opens what that or an older one has sealed. Safe to share by threads."""

    __slots__ = ("_ciphers", "_key_id")

    def __init__(self, key: bytes, older: Sequence[bytes] = ()) -> None:
        for each in (key, *older):
            if len(each) != KEY_BYTES:
                raise UnusableKey(f"a key has {KEY_BYTES} bytes, this one {len(each)}: {_ADVICE}")
        self._key_id = _id_of(key)
        self._ciphers = {_id_of(each): AESGCM(each) for each in (*older, key)}

    def seal(self, content: bytes, *, record_key: bytes) -> bytes:
        """The content, readable only for who has the key, and only under this record's key."""
        header = _VERSION + self._key_id
        nonce = os.urandom(_NONCE_BYTES)
        cipher = self._ciphers[self._key_id]
        return header + nonce + cipher.encrypt(nonce, content, header + record_key)

    def open(self, sealed: bytes, *, record_key: bytes) -> bytes:
        """What was sealed.

        Raises:
            CannotOpen: it is not whole, was changed or moved, or was sealed with another key.
        """
        if not sealed.startswith(_VERSION):
            raise CannotOpen("not a sealed value, or one of a newer version")
        if len(sealed) < _LEAST_BYTES:
            raise CannotOpen(f"not whole: {len(sealed)} bytes, the shortest has {_LEAST_BYTES}")
        header, rest = sealed[:_HEADER_BYTES], sealed[_HEADER_BYTES:]
        key_id = header[len(_VERSION) :]
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise CannotOpen(
                f"sealed with the key {key_id.hex()}, and the key here is {self._key_id.hex()}: "
                "bring that key back, or enter the secrets anew"
            )
        nonce, content = rest[:_NONCE_BYTES], rest[_NONCE_BYTES:]
        try:
            return cipher.decrypt(nonce, content, header + record_key)
        except InvalidTag as exc:
            raise CannotOpen("not whole, changed, or sealed for another record") from exc


def key_from_text(text: str, *, setting: str) -> bytes:
    """A key as settings hold it: base64.

    Raises:
        UnusableKey: it is not base64 of 32 bytes; the text names the setting.
    """
    try:
        key = binascii.a2b_base64(text.strip().encode(), strict_mode=True)
    except ValueError as exc:
        raise UnusableKey(f"{setting}: not base64: {_ADVICE}") from exc
    if len(key) != KEY_BYTES:
        raise UnusableKey(f"{setting}: {len(key)} bytes where a key has {KEY_BYTES}: {_ADVICE}")
    return key


def key_from_file(path: Path) -> bytes:
    """The key in a file (base64), which is made, for its owner's eyes only, if it is not there.

    Processes that start at the same time all get the same key.

    Raises:
        UnusableKey: the file cannot be read or made, or holds no key.
    """
    try:
        if not path.exists():
            _make_key_file(path)
        with path.open("rb") as file:
            content = file.read(_MAX_KEY_FILE_BYTES)
    except OSError as exc:
        raise UnusableKey(f"{path}: {exc.strerror}") from exc
    return key_from_text(content.decode("latin-1"), setting=str(path))


def _make_key_file(path: Path) -> None:
    """Never half of it, and never over another's: written aside, then linked to its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.{uuid4().hex}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(binascii.b2a_base64(os.urandom(KEY_BYTES)))
            file.flush()
            os.fsync(descriptor)
        try:
            path.hardlink_to(aside)
        except FileExistsError:
            return
        _sync_folder(path.parent)
    finally:
        aside.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """A name is kept through a power cut only once its folder is: a key must be, before its use."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _id_of(key: bytes) -> bytes:
    return sha256(b"key id:" + key).digest()[:_KEY_ID_BYTES]
