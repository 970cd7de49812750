"""What whoever judges endpoints asks of the store, and how the operator is told.

Blocking: called in threads. Everything raises `ports.StoreFailed` where the store cannot be asked
now.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from pipeline.domain.event import Event
from pipeline.domain.event_document import EventKey
from pipeline.domain.identifiers import new_id
from pipeline.domain.inactivity import Told, Tries
from pipeline.domain.operational_events import Occurrence, operational_event
from pipeline.registry import OutboxRecord, RegistryWriter

_ENTROPY_BYTES: Final = 10


class Watched(NamedTuple):
    """An endpoint of which there is something to judge or to tell."""

    endpoint: str
    tries: Tries = Tries()
    told: Told = Told()


@dataclass(frozen=True, slots=True)
class OwnerNotice:
    """A mail to an endpoint's owner that is to be sent."""

    id: str
    """`ntc_` and a ULID: the mail's name, so that one that comes twice is known."""
    to: str
    subject: str
    text: str
    created_at_ms: int
    due_at_ms: int
    tries: int = 0


class WatchWriter(Protocol):
    """What is known of endpoints, within a transaction that changes them, too."""

    @property
    def registry(self) -> RegistryWriter: ...

    def lock(self, endpoint_id: str) -> Watched:
        """What is known now; nobody else changes it until the end."""
        ...

    def put(self, watched: Watched) -> None: ...

    def add_notice(self, notice: OwnerNotice) -> None: ...


class WatchStore(Protocol):
    """Where attempts leave what they say of their endpoints."""

    def watched(self, *, after: str, limit: int) -> list[Watched]:
        """Those with something to judge or to tell, in the order of their ids."""
        ...

    def deciding(self) -> AbstractContextManager[WatchWriter]:
        """Committed at the end of the block, or not at all."""
        ...

    def notices(self, *, now_ms: int, limit: int) -> Sequence[OwnerNotice]:
        """Those that are due, the oldest first."""
        ...

    def put_off(self, notice: OwnerNotice) -> None:
        """Due later, and tried once more."""
        ...

    def remove_notice(self, notice_id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Operations:
    """Tells the operator, by events of an account of the operator's own."""

    account: str
    events_topic: str
    encode_event: Callable[[Event], bytes]
    event_key: EventKey
    now_ms: Callable[[], int]
    random_bytes: Callable[[int], bytes]

    def tell(self, writer: RegistryWriter, account: str, occurrence: Occurrence) -> None:
        """With the transaction; nothing that happened in the operator's account itself."""
        if account == self.account:
            return
        now_ms = self.now_ms()
        event = operational_event(
            occurrence,
            account=self.account,
            event_id=new_id("evt", now_ms=now_ms, entropy=self.random_bytes(_ENTROPY_BYTES)),
            at_ms=now_ms,
        )
        key = self.event_key(self.account, event.subject)
        writer.publish(
            OutboxRecord(self.events_topic, key, self.encode_event(event), is_event=True)
        )
