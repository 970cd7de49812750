"""What is secret of endpoints, sealed with the key of the settings; tokens for handshakes."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pipeline.adapters.sealing import CannotOpen, Sealer
from pipeline.domain.change_plan import EndpointRecord, UnreadableSecrets
from pipeline.domain.credentials import InvalidCredentials, read_credentials, write_credentials
from pipeline.domain.endpoint import Credentials

if TYPE_CHECKING:
    from pipeline.domain.endpoint import Endpoint

_HANDSHAKE: Final = b"a handshake"
_CONSOLE_LINK: Final = b"a console link"
"""Stands where a record's key stands: no endpoint's secrets pass for a token, as ids have no
space, nor the other way round."""


def link_seals(sealer: Sealer) -> SealedTokens:
    """The API's `LinkSeals`: no token of a handshake passes for a link."""
    return SealedTokens(sealer, _CONSOLE_LINK)


class SealedVault:
    """Implements the API's `CredentialVault`."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def open(self, endpoint: Endpoint) -> Credentials:
        if endpoint.sealed is None:
            return Credentials()
        try:
            opened = self._sealer.open(endpoint.sealed, record_key=endpoint.id.encode())
            return read_credentials(opened)
        except (CannotOpen, InvalidCredentials) as exc:
            raise UnreadableSecrets(str(exc)) from exc

    def seal(self, record: EndpointRecord) -> Endpoint:
        endpoint, credentials = record.endpoint, record.credentials
        if credentials is None:
            return endpoint
        if credentials == Credentials():
            return replace(endpoint, sealed=None)
        content = write_credentials(credentials)
        return replace(endpoint, sealed=self._sealer.seal(content, record_key=endpoint.id.encode()))


class SealedTokens:
    """Implements the API's `HandshakeTokens`: nothing is stored, the key alone makes them."""

    def __init__(self, sealer: Sealer, purpose: bytes = _HANDSHAKE) -> None:
        self._sealer = sealer
        self._purpose = purpose

    def issue(self, content: bytes) -> str:
        sealed = self._sealer.seal(content, record_key=self._purpose)
        return urlsafe_b64encode(sealed).rstrip(b"=").decode("ascii")

    def content(self, token: str) -> bytes | None:
        try:
            sealed = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
            return self._sealer.open(sealed, record_key=self._purpose)
        except (ValueError, binascii.Error, CannotOpen):
            return None
