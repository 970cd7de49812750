"""What a changed account, endpoint, relation or profile becomes in the tables' topics."""

from __future__ import annotations

from typing import Protocol

from pipeline.domain.endpoint import Account, Endpoint
from pipeline.domain.relation import Relation
from pipeline.registry import OutboxRecord, StoredProfile


class TableRecords(Protocol):
    """Makes records for the outbox; a removed thing's says that it was removed."""

    def of_account(self, account: Account) -> OutboxRecord: ...

    def of_endpoint(self, endpoint: Endpoint, *, needs_topic: bool = False) -> OutboxRecord:
        """`needs_topic`: its own delivery topic has to be made first."""
        ...

    def of_relation(self, relation: Relation) -> OutboxRecord: ...

    def of_profile(self, profile: StoredProfile) -> OutboxRecord: ...
