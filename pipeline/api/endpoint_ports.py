"""What the endpoints of the API work with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from pipeline.api.known_profiles import KnownProfiles
from pipeline.api.outbox import Outbox
from pipeline.api.table_records import TableRecords
from pipeline.domain.change_plan import EndpointRecord
from pipeline.domain.consent import Consented, Refused
from pipeline.domain.endpoint import Credentials, Endpoint
from pipeline.domain.topology import Topology
from pipeline.registry import OutboxRecord, Registry
from pipeline.watching import Operations


class CredentialVault(Protocol):
    """Seals what is secret of endpoints. May be used by several threads."""

    def open(self, endpoint: Endpoint) -> Credentials:
        """Raises UnreadableSecrets: they were sealed with a key that is not here."""
        ...

    def seal(self, record: EndpointRecord) -> Endpoint:
        """The endpoint with its credentials, where they changed."""
        ...


class HandshakeTokens(Protocol):
    """Texts that only we can make, of 256 bits of secrecy. May be used by several threads."""

    def issue(self, content: bytes) -> str:
        """A token for a URL; another one each time."""
        ...

    def content(self, token: str) -> bytes | None:
        """What a token of ours was made of; None for any other text."""
        ...


@dataclass(frozen=True, slots=True)
class ConsentQuestion:
    """What a receiver is asked, at the very URL that is registered."""

    url: str
    origin: str
    """Our DNS name."""
    callback_url: str | None
    """Where it may consent later; it contains a secret. None: nobody could reach us there."""
    per_minute: int | None
    """How often it would be sent something; None: no rate is named."""


class Consent(Protocol):
    """Asks receivers whether they want to be sent anything (CloudEvents web hook, section 4)."""

    async def ask_consent(self, question: ConsentQuestion) -> Consented | Refused:
        """Send `OPTIONS`, where the URL may be called at all, and judge the answer.

        Takes bounded time, and raises nothing for what the receiver does.
        """
        ...


@dataclass(frozen=True, slots=True)
class EndpointPorts:
    """What endpoints are read, decided, stored and published with."""

    registry: Registry
    outbox: Outbox
    records: TableRecords
    profiles: KnownProfiles
    vault: CredentialVault
    check_url: Callable[[str], None]
    """Raises UrlRefused: the URL is none, or webhooks may not be sent there."""
    topology: Topology
    dedicated_limit: int
    now_ms: Callable[[], int]
    random_bytes: Callable[[int], bytes]
    operations: Operations | None = None
    """None: the operator wants no events."""
    redrive: Callable[[Endpoint], OutboxRecord] | None = None
    """Orders what an inactive endpoint did not get, and what therefore became dead letters, to be
    sent; None: nobody runs such orders."""


@dataclass(frozen=True, slots=True)
class ConsentPorts:
    """What receivers are asked with."""

    consent: Consent
    tokens: HandshakeTokens
    origin: str
    """Our DNS name."""
    public_url: str | None
    """Where this API is reached from outside; None where receivers cannot call back."""
