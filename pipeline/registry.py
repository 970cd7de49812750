"""What the API asks of the store, which is the truth of accounts, endpoints, relations and keys.

Blocking: called in threads. Everything raises `ports.StoreFailed` where the store cannot be asked
now. Whatever is written goes to Kafka through the outbox: records are kept in the same transaction
as what they tell, and published afterwards, in order, however often it takes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from pipeline.domain.audit import Action, Author
from pipeline.domain.change_plan import Tables
from pipeline.domain.endpoint import Account, Endpoint
from pipeline.domain.relation import Relation


class Access(StrEnum):
    """What a key may do with what it may see."""

    READ = "read"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as the store has it: its text is known to its owner alone."""

    id: str
    """`key_` and a ULID; the key's text contains it."""
    hash: bytes = field(repr=False)
    """SHA-256 of the text, which has 256 random bits."""
    account: str | None
    """None: an operator's, for everything."""
    access: Access
    name: str
    created_at_ms: int
    expires_at_ms: int | None = None
    last_used_at_ms: int | None = None
    revoked_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class StoredProfile:
    """A profile that an operator defined: the document as it was given, in JSON."""

    name: str
    document: str
    created_at_ms: int
    updated_at_ms: int
    removed: bool = False


@dataclass(frozen=True, slots=True)
class EventType:
    """An event type as an operator described it."""

    type: str
    description: str
    schema: str | None
    """JSON Schema (2020-12), as JSON text."""
    sample: str | None
    """Sample data, as JSON text."""
    created_at_ms: int
    updated_at_ms: int


@dataclass(frozen=True, slots=True)
class OutboxRecord:
    """A record that is to be published once its transaction is committed."""

    topic: str
    key: bytes
    value: bytes | None = field(repr=False)
    is_event: bool = False
    """An event follows the tables: it is published with their positions in its header."""
    needs_topic: bool = False
    """An endpoint's: its own delivery topic is made before it is published."""
    delivery_topic: str | None = None
    """That topic."""


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What was answered to a request with an `Idempotency-Key`."""

    owner: str
    """The id of the API key that asked, so that keys of different owners never meet."""
    idempotency_key: str
    request_hash: bytes
    status: int
    answer: bytes
    created_at_ms: int


class RegistryReader(Protocol):
    """Sees one moment. Lists are in order of their keys, and begin after the one that is given."""

    def account(self, account_id: str) -> Account | None:
        """A removed one too."""
        ...

    def accounts(self, *, after: str, limit: int) -> list[Account]:
        """Removed ones are left out."""
        ...

    def endpoint(self, endpoint_id: str) -> Endpoint | None:
        """A removed one too."""
        ...

    def endpoints(self, *, account: str | None, after: str, limit: int) -> list[Endpoint]:
        """Removed ones are left out; account None: of all accounts."""
        ...

    def count_endpoints(self, account: str) -> int:
        """Those that are not removed."""
        ...

    def count_own_topics(self, shared_topic: str) -> int:
        """Endpoints that are not removed and whose topic is another one than the shared."""
        ...

    def relation(self, account: str, company: str) -> Relation | None: ...

    def relations(self, account: str, *, after: str, limit: int) -> list[Relation]: ...

    def count_starred(self, account: str) -> int: ...

    def count_relations(self, account: str) -> int:
        """With a star and without."""
        ...

    def keys(self, *, account: str | None, after: str, limit: int) -> list[ApiKey]:
        """Revoked ones too; account None: all keys."""
        ...

    def key(self, key_id: str) -> ApiKey | None: ...

    def profiles(self) -> list[StoredProfile]:
        """Removed ones are left out."""
        ...

    def profile(self, name: str) -> StoredProfile | None:
        """A removed one too."""
        ...

    def uses_of_profile(self, name: str) -> int:
        """How many accounts and endpoints, that are not removed, have it."""
        ...

    def event_type(self, event_type: str) -> EventType | None: ...

    def event_types(self, *, after: str, limit: int) -> list[EventType]: ...

    def accounts_and_endpoints(self) -> Tables:
        """All of them, removed ones too."""
        ...

    def all_tables(self) -> RegistryDump:
        """Removed ones too, where the store has them: an id is never used twice."""
        ...

    def is_empty(self) -> bool:
        """Whether there never was an account."""
        ...


@dataclass(frozen=True, slots=True)
class RegistryDump:
    """Everything that the tables' topics say, for rebuilding them."""

    accounts: Sequence[Account]
    endpoints: Sequence[Endpoint]
    relations: Sequence[Relation]
    profiles: Sequence[StoredProfile]


class RegistryWriter(RegistryReader, Protocol):
    """One transaction. Nobody else changes an account that it locked."""

    @property
    def sequence(self) -> int:
        """Of the last record that was given to the outbox here; 0: none was."""
        ...

    def lock_account(self, account_id: str) -> Account | None:
        """The account, which nobody else who locks it changes until the end; so quotas hold.

        One that there is not yet is locked too. Whoever locks several takes them in the order of
        their ids, all of them before `lock_topics`, and that before the first `publish`.
        """
        ...

    def lock_topics(self) -> None:
        """Nobody else decides who gets a topic of its own until the end."""
        ...

    def lock_profile(self, name: str) -> None:
        """Nobody else gives anything this profile, or removes it, until the end."""
        ...

    def lock_outbox(self) -> None:
        """Nobody else publishes until the end: what is read from here on is what was told last."""
        ...

    def lock_event_type(self, event_type: str) -> None:
        """Nobody else changes it until the end."""
        ...

    def note_action(self, action: Action) -> None:
        """Into the audit log, under whoever writes; nothing else is stored."""
        ...

    def put_account(self, account: Account) -> None: ...

    def put_endpoint(self, endpoint: Endpoint) -> None: ...

    def put_relation(self, relation: Relation) -> None:
        """With its data: what is not in them is gone."""
        ...

    def remove_relation(self, account: str, company: str) -> None: ...

    def put_key(self, key: ApiKey) -> None: ...

    def note_key_uses(self, uses: Mapping[str, int]) -> None:
        """When keys were used last, by id; only later times count."""
        ...

    def put_profile(self, profile: StoredProfile) -> None: ...

    def put_event_type(self, event_type: EventType) -> None: ...

    def remove_event_type(self, event_type: str) -> None: ...

    def publish(self, record: OutboxRecord) -> None:
        """Into the outbox. From here on to the end others wait who publish, too."""
        ...

    def note_positions(self, positions: Mapping[str, int]) -> None:
        """So far the tables' topics are, as whoever has just read them knows."""
        ...

    def kept_answer(self, owner: str, idempotency_key: str) -> KeptAnswer | None: ...

    def keep_answer(self, answer: KeptAnswer) -> bool:
        """False where one is kept under this key already."""
        ...

    def forget_answers(self, *, before_ms: int) -> None:
        """Those that are older."""
        ...


class Registry(Protocol):
    """The store."""

    def reading(self) -> AbstractContextManager[RegistryReader]: ...

    def writing(self, by: Author | None = None) -> AbstractContextManager[RegistryWriter]:
        """Committed at the end of the block, or not at all.

        Each change is written into the audit log under `by`, in the same transaction; None: nobody
        asked for it, as where the pipeline itself keeps its books.
        """
        ...
