"""Seals what is secret of an endpoint before it leaves memory, and opens it again (AES-256-GCM).

A sealed value, byte by byte: 1 the version (1), 4 the id of the key, 12 the nonce, then the content
and 16 of a tag. The record's key is sealed in with it, so a value that is copied into another
endpoint's record cannot be opened there. The id of a key is the beginning of its SHA-256; it says
which of several keys a value was sealed with, so that keys can be changed one value at a time.
"""

from __future__ import annotations

import binascii
import fcntl
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
_MAX_KEY_FILE_BYTES: Final = 64 * 1024
_ADVICE: Final = "make one with: openssl rand -base64 32"


class UnusableKey(Exception):
    """There is no key to seal with; the text says why and what to do, and never quotes it."""


class CannotOpen(Exception):
    """A sealed value cannot be opened; the text says why."""


class Sealer:
    """Seals with one key; opens what that or an older one has sealed. Safe to share by threads."""

    __slots__ = ("_file", "_ring")

    def __init__(
        self, key: bytes, older: Sequence[bytes] = (), *, file: KeyFile | None = None
    ) -> None:
        """`file`: where these keys lie; what it holds later holds here, too.

        Raises:
            UnusableKey: one of them is none.
        """
        self._file = file
        self._ring = _KeyRing((key, *older))

    def is_newest(self, sealed: bytes) -> bool:
        """Whether it was sealed with the key that seals now."""
        return sealed[len(_VERSION) : _HEADER_BYTES] == self._newest_ring().key_id

    def seal(self, content: bytes, *, record_key: bytes) -> bytes:
        """The content, readable only for who has the key, and only under this record's key."""
        ring = self._newest_ring()
        header = _VERSION + ring.key_id
        nonce = os.urandom(_NONCE_BYTES)
        cipher = ring.ciphers[ring.key_id]
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
        # A key that is not known may have been put into the file lately.
        cipher = self._ring.ciphers.get(key_id) or self._newest_ring().ciphers.get(key_id)
        if cipher is None:
            raise CannotOpen(
                f"sealed with the key {key_id.hex()}, and the key here is {self._ring.key_id.hex()}"
                ": bring that key back, or enter the secrets anew"
            )
        nonce, content = rest[:_NONCE_BYTES], rest[_NONCE_BYTES:]
        try:
            return cipher.decrypt(nonce, content, header + record_key)
        except InvalidTag as exc:
            raise CannotOpen("not whole, changed, or sealed for another record") from exc

    def _newest_ring(self) -> _KeyRing:
        if self._file is not None:
            keys = self._file.keys_if_changed()
            if keys is not None:
                self._ring = _KeyRing(keys)
        return self._ring


class _KeyRing:
    """Keys, of which the first one seals."""

    __slots__ = ("ciphers", "key_id")

    def __init__(self, keys: Sequence[bytes]) -> None:
        for each in keys:
            if len(each) != KEY_BYTES:
                raise UnusableKey(f"a key has {KEY_BYTES} bytes, this one {len(each)}: {_ADVICE}")
        self.key_id: Final = _id_of(keys[0])
        self.ciphers: Final = {_id_of(each): AESGCM(each) for each in keys}


class KeyFile:
    """A file with a key (base64) in each line, of which the first one seals.

    Raises UnusableKey: it cannot be read or made, or holds no key.
    """

    def __init__(self, path: Path) -> None:
        """Made, for its owner's eyes only, if it is not there; all who make it get the same."""
        self.path = path
        try:
            if not path.exists():
                _make_key_file(path)
        except OSError as exc:
            raise UnusableKey(f"{path}: {exc.strerror}") from exc
        self._seen = _state_of(path)
        self.keys = self._read()

    def sealer(self) -> Sealer:
        """Follows the file: a key that is added is known wherever the file is."""
        return Sealer(self.keys[0], self.keys[1:], file=self)

    def keys_if_changed(self) -> tuple[bytes, ...] | None:
        """What it holds now, if that is something else; None too where it cannot be used any more.

        What has been read once goes on being used.
        """
        state = _state_of(self.path)
        if state is None or state == self._seen:
            return None
        try:
            self.keys = self._read()
        except UnusableKey:
            return None
        self._seen = state
        return self.keys

    def add_key(self) -> None:
        """Put a new key in front of the others, for good before it is used."""
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)  # nobody's new key is written over
            older = [binascii.b2a_base64(key) for key in self._read()]
            aside = _written_aside(self.path, b"".join((_new_key_line(), *older)))
            aside.replace(self.path)
            os.fsync(folder)
        except OSError as exc:
            raise UnusableKey(f"{self.path}: {exc.strerror}") from exc
        finally:
            os.close(folder)

    def _read(self) -> tuple[bytes, ...]:
        try:
            with self.path.open("rb") as file:
                content = file.read(_MAX_KEY_FILE_BYTES)
        except OSError as exc:
            raise UnusableKey(f"{self.path}: {exc.strerror}") from exc
        lines = content.decode("latin-1").split()
        return tuple(key_from_text(line, setting=str(self.path)) for line in lines or [""])


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
    """The key that seals, of a file that is made if it is not there. Raises UnusableKey."""
    return KeyFile(path).keys[0]


def _state_of(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _new_key_line() -> bytes:
    return binascii.b2a_base64(os.urandom(KEY_BYTES))


def _make_key_file(path: Path) -> None:
    """Never half of it, and never over another's: written aside, then linked to its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = _written_aside(path, _new_key_line())
    try:
        try:
            path.hardlink_to(aside)
        except FileExistsError:
            return
        _sync_folder(path.parent)
    finally:
        aside.unlink(missing_ok=True)


def _written_aside(path: Path, content: bytes) -> Path:
    aside = path.with_name(f"{path.name}.{uuid4().hex}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    return aside


def _sync_folder(folder: Path) -> None:
    """A name is kept through a power cut only once its folder is: a key must be, before its use."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _id_of(key: bytes) -> bytes:
    return sha256(b"key id:" + key).digest()[:_KEY_ID_BYTES]
