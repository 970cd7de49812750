"""What is to be changed in the tables of accounts and endpoints: decided, and not yet published."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pipeline.domain.endpoint import Account, Credentials, Endpoint
from pipeline.domain.endpoint_secrets import NOTHING_MADE, MadeSecrets, SecretSource
from pipeline.domain.profile import Profile
from pipeline.domain.topology import Topology

DEFAULT_DEDICATED_LIMIT: Final = 100
"""Endpoints that get a topic of their own without asking for it."""


class UnreadableSecrets(ValueError):
    """What is sealed in an endpoint's record cannot be opened; the message says why."""


class Change(StrEnum):
    """What becomes of an account or an endpoint."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables' state, by id, removed ones included."""

    accounts: Mapping[str, Account]
    endpoints: Mapping[str, Endpoint]


@dataclass(frozen=True, slots=True)
class PlanRules:
    """What changes are decided with."""

    profiles: Mapping[str, Profile]
    topology: Topology
    source: SecretSource
    open_credentials: Callable[[Endpoint], Credentials]
    """Of an endpoint as its table record says it. Raises UnreadableSecrets."""
    dedicated_limit: int = DEFAULT_DEDICATED_LIMIT


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """One line of the report: what becomes of one account or endpoint."""

    account: str
    endpoint: str | None
    """None for the account itself; empty for an endpoint that never was and is to be removed."""
    change: Change
    fields: tuple[str, ...] = ()
    """What differs, by the names that people write."""
    url: str | None = None
    topic: str | None = None
    made: MadeSecrets = NOTHING_MADE
    """Secrets that were made: shown once, and never again."""
    needs_consent: bool = False
    """Its receiver has to be asked, which only the API does."""


@dataclass(frozen=True, slots=True)
class EndpointRecord:
    """An endpoint to be published."""

    endpoint: Endpoint
    credentials: Credentials | None = None
    """To be sealed into it; None leaves what is sealed in it as it is."""
    needs_topic: bool = False
    """Whether its own delivery topic must be made first."""


@dataclass(frozen=True, slots=True)
class ChangePlan:
    """All that is to be published, and a line for everything that a file names."""

    accounts: tuple[Account, ...]
    endpoints: tuple[EndpointRecord, ...]
    lines: tuple[ChangeLine, ...]
