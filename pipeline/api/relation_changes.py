"""Changes of relations: stored, told to the table, and told as events, in one transaction.

Blocking: called in threads. Everything raises Problem, and StoreFailed.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from pipeline.api.caller import Caller
from pipeline.api.endpoint_access import locked_account, seen_account
from pipeline.api.known_profiles import KnownProfiles
from pipeline.api.listing import Listed, Piece, listed
from pipeline.api.outbox import Outbox
from pipeline.api.problems import (
    FieldError,
    conflict,
    invalid,
    not_found,
    of_document,
    quota,
)
from pipeline.api.table_records import TableRecords
from pipeline.domain.document import DocumentError
from pipeline.domain.endpoint import Account
from pipeline.domain.event import Event
from pipeline.domain.event_document import EventKey
from pipeline.domain.identifiers import new_id
from pipeline.domain.operational_events import quota_reached
from pipeline.domain.profile import RelationRules
from pipeline.domain.relation import Relation
from pipeline.domain.relation_document import check_company, check_key, read_star, with_entry
from pipeline.domain.relation_events import RelationEvent, events_of_change
from pipeline.registry import OutboxRecord, Registry, RegistryReader, RegistryWriter
from pipeline.watching import Operations

MOST_RELATIONS: Final = 20_000
"""Of an account, with a star and without."""
_ENTROPY_BYTES: Final = 10
_US_PER_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class RelationPorts:
    """What relations are stored and told with."""

    registry: Registry
    outbox: Outbox
    records: TableRecords
    profiles: KnownProfiles
    encode_event: Callable[[Event], bytes]
    """As the events' topic takes them."""
    event_key: EventKey
    events_topic: str
    now_ms: Callable[[], int]
    random_bytes: Callable[[int], bytes]
    operations: Operations | None = None
    """None: the operator wants no events."""


class Place(NamedTuple):
    """Whose relation, and with whom."""

    account: str
    company: str


class Related(NamedTuple):
    """A relation as it is now; all is well once the outbox has published `sequence`."""

    relation: Relation
    sequence: int
    is_new: bool


_Change = Callable[[Relation | None, RelationRules], Relation | None]
"""The relation from now on; None where there is to be none."""


class RelationChanges:
    """Decides, stores, and leaves the table's record and the events in the outbox."""

    def __init__(self, ports: RelationPorts) -> None:
        self._ports = ports

    def list(self, caller: Caller, account_id: str, piece: Piece) -> Listed[Relation]:
        """In the order of the companies."""
        with self._ports.registry.reading() as reader:
            account = seen_account(reader, caller, account_id)
            self._rules(reader, account)
            found = reader.relations(account_id, after=piece.after, limit=piece.wanted)
        return listed(found, piece, key=lambda relation: relation.company)

    def put(self, caller: Caller, place: Place, document: object) -> Related:
        """Marked with this star, or with none."""

        def marked(present: Relation | None, rules: RelationRules) -> Relation:
            return replace(present or Relation(*place), star=read_star(document, rules))

        return self._change(caller, place, marked)

    def remove(self, caller: Caller, place: Place) -> Related:
        """With all that was kept with it."""

        def gone(present: Relation | None, _: RelationRules) -> None:
            _there(present)

        return self._change(caller, place, gone)

    def add_entry(self, caller: Caller, place: Place, *, key: str, value: object) -> Related:
        """A new entry of data."""

        def added(present: Relation | None, _: RelationRules) -> Relation:
            relation = _there(present)
            check_key(key)
            if key in relation.data:
                raise conflict(f"There is a {key} already: change it with PATCH.")
            return replace(relation, data=with_entry(relation, key, value))

        return self._change(caller, place, added)

    def update_entry(self, caller: Caller, place: Place, *, key: str, value: object) -> Related:
        """Another value of an entry that is there."""

        def updated(present: Relation | None, _: RelationRules) -> Relation:
            relation = _with_key(present, key)
            return replace(relation, data=with_entry(relation, key, value))

        return self._change(caller, place, updated)

    def remove_entry(self, caller: Caller, place: Place, *, key: str) -> Related:
        """Without an entry that is there."""

        def cleared(present: Relation | None, _: RelationRules) -> Relation:
            relation = _with_key(present, key)
            left = {name: text for name, text in relation.data.items() if name != key}
            return replace(relation, data=left)

        return self._change(caller, place, cleared)

    def _change(self, caller: Caller, place: Place, change: _Change) -> Related:
        with self._ports.registry.writing(caller.author) as writer, _refusing(place.company):
            account = locked_account(writer, caller, place.account)
            rules = self._rules(writer, account)
            before = writer.relation(*place)
            after = change(before, rules)
            if before is None and after is not None:
                _check_room(writer, place.account)
            if _has_star(after) and not _has_star(before):
                self._count_in(writer, place.account, rules)
            self._store(writer, before, after)
            for told in events_of_change(place.company, before, after):
                writer.publish(self._record_of(told, place, rules))
            is_new = before is None
            return Related(after or before or Relation(*place), writer.sequence, is_new)

    def _store(
        self, writer: RegistryWriter, before: Relation | None, after: Relation | None
    ) -> None:
        """What routing does not need is kept in the store alone."""
        if after is None:
            if before is not None:
                writer.remove_relation(before.account, before.company)
                writer.publish(self._ports.records.of_relation(replace(before, removed=True)))
        elif after != before:
            writer.put_relation(after)
            if before is None or after.star != before.star:
                writer.publish(self._ports.records.of_relation(after))

    def _record_of(self, told: RelationEvent, place: Place, rules: RelationRules) -> OutboxRecord:
        ports = self._ports
        now_ms = ports.now_ms()
        event = Event(
            id=new_id("evt", now_ms=now_ms, entropy=ports.random_bytes(_ENTROPY_BYTES)),
            type=told.type,
            account=place.account,
            time_us=now_ms * _US_PER_MS,
            data=told.data,
            subject=rules.subject_prefix + told.company,
        )
        key = ports.event_key(place.account, event.subject)
        return OutboxRecord(ports.events_topic, key, ports.encode_event(event), is_event=True)

    def _count_in(self, writer: RegistryWriter, account_id: str, rules: RelationRules) -> None:
        """Raises Problem (403, quota). The account is locked, so two requests cannot both pass."""
        count, operations = writer.count_starred(account_id), self._ports.operations
        if count >= rules.limit:
            raise quota(
                f"The account has {rules.limit} relations with a star, and that is the limit:"
                " take a star away first."
            )
        if count + 1 == rules.limit and operations is not None:
            operations.tell(writer, account_id, quota_reached(account_id, "stars", rules.limit))

    def _rules(self, reader: RegistryReader, account: Account) -> RelationRules:
        profile = self._ports.profiles.get(reader, account.profile)
        if profile is None or profile.relations is None:
            raise not_found(f"Accounts of the profile {account.profile} have no relations.")
        return profile.relations


def _check_room(writer: RegistryWriter, account: str) -> None:
    """Raises Problem (403, quota). The account is locked."""
    if writer.count_relations(account) >= MOST_RELATIONS:
        raise quota(
            f"The account has {MOST_RELATIONS:,} relations, and that is the limit, with a star or"
            " without: remove one first."
        )


def _has_star(relation: Relation | None) -> bool:
    return relation is not None and relation.star is not None


def _there(present: Relation | None) -> Relation:
    if present is None:
        raise not_found("There is no relation with this company: create it with PUT first.")
    return present


def _with_key(present: Relation | None, key: str) -> Relation:
    relation = _there(present)
    if key not in relation.data:
        raise not_found("There is no data with this key.")
    return relation


@contextmanager
def _refusing(company: str) -> Generator[None]:
    """What the domain refuses, as a problem."""
    try:
        check_company(company)
    except DocumentError as exc:
        raise invalid([FieldError("#path/company", exc.text)]) from exc
    try:
        yield
    except DocumentError as exc:
        raise of_document(exc) from exc
