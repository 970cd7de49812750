"""One transaction on accounts, endpoints, relations, keys, profiles and event types."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import chain

from sqlalchemy import Connection, RowMapping, Table, delete, exists, insert, select

from pipeline.adapters.storage import registry_statements as statements
from pipeline.adapters.storage.audit_trail import AuditTrail
from pipeline.adapters.storage.registry_rows import (
    Values,
    account_in,
    answer_in,
    endpoint_in,
    event_type_in,
    key_in,
    profile_in,
    values_of_account,
    values_of_endpoint,
    values_of_key,
)
from pipeline.adapters.storage.tables import (
    accounts,
    api_keys,
    endpoints,
    event_types,
    kept_answers,
    outbox,
    profiles,
    relation_data,
    relations,
    table_positions,
)
from pipeline.domain.audit import Action, Author
from pipeline.domain.change_plan import Tables
from pipeline.domain.endpoint import Account, Endpoint
from pipeline.domain.relation import Relation
from pipeline.registry import (
    ApiKey,
    EventType,
    KeptAnswer,
    OutboxRecord,
    RegistryDump,
    StoredProfile,
)


class RegistryTransaction:
    """Implements `RegistryWriter`, and so `RegistryReader`."""

    __slots__ = ("_connection", "_sequence", "_trail")

    def __init__(self, connection: Connection, author: Author | None = None) -> None:
        self._connection = connection
        self._sequence = 0
        self._trail = AuditTrail(connection, author)

    @property
    def sequence(self) -> int:
        return self._sequence

    # --- accounts and endpoints ------------------------------------------------------------------

    def account(self, account_id: str) -> Account | None:
        row = self._one(select(accounts).where(accounts.c.id == account_id))
        return None if row is None else account_in(row)

    def accounts(self, *, after: str, limit: int) -> list[Account]:
        return [
            account_in(row) for row in self._all(statements.live_accounts(after=after, limit=limit))
        ]

    def endpoint(self, endpoint_id: str) -> Endpoint | None:
        row = self._one(select(endpoints).where(endpoints.c.id == endpoint_id))
        return None if row is None else endpoint_in(row)

    def endpoints(self, *, account: str | None, after: str, limit: int) -> list[Endpoint]:
        rows = self._all(statements.live_endpoints(account, after=after, limit=limit))
        return [endpoint_in(row) for row in rows]

    def count_endpoints(self, account: str) -> int:
        return self._count(statements.count_live_endpoints(endpoints.c.account == account))

    def count_own_topics(self, shared_topic: str) -> int:
        # Two ranges of an index: there are few such endpoints, however many share a topic.
        topic = endpoints.c.topic
        return self._count(
            statements.count_live_endpoints(topic < shared_topic),
            statements.count_live_endpoints(topic > shared_topic),
        )

    def lock_account(self, account_id: str) -> Account | None:
        statements.lock(self._connection, "account", account_id)
        return self.account(account_id)

    def lock_topics(self) -> None:
        statements.lock(self._connection, statements.TOPICS_LOCK)

    def lock_profile(self, name: str) -> None:
        statements.lock(self._connection, "profile", name)

    def lock_event_type(self, event_type: str) -> None:
        statements.lock(self._connection, "event_type", event_type)

    def put_account(self, account: Account) -> None:
        self._put(accounts, values_of_account(account))

    def put_endpoint(self, endpoint: Endpoint) -> None:
        self._put(endpoints, values_of_endpoint(endpoint))

    # --- relations -------------------------------------------------------------------------------

    def relation(self, account: str, company: str) -> Relation | None:
        found = select(relations).where(
            relations.c.account == account, relations.c.company == company
        )
        row = self._one(found)
        return None if row is None else self._with_data(account, [row])[0]

    def relations(self, account: str, *, after: str, limit: int) -> list[Relation]:
        rows = self._all(statements.relations_of(account, after=after, limit=limit))
        return self._with_data(account, rows)

    def count_starred(self, account: str) -> int:
        starred = relations.c.star.is_not(None)
        return self._count(statements.count(relations, relations.c.account == account, starred))

    def count_relations(self, account: str) -> int:
        return self._count(statements.count(relations, relations.c.account == account))

    def put_relation(self, relation: Relation) -> None:
        account, company = relation.account, relation.company
        self._note_relation(account, company, relation)
        values = {"account": account, "company": company, "star": relation.star}
        statements.upsert(self._connection, relations, values)
        its = statements.data_of(account, first=company, last=company)
        before: dict[str, str] = {row["key"]: row["value"] for row in self._all(its)}
        for key in sorted(before.keys() - relation.data.keys()):
            self._connection.execute(
                delete(relation_data).where(
                    relation_data.c.account == account,
                    relation_data.c.company == company,
                    relation_data.c.key == key,
                )
            )
        for key, value in sorted(relation.data.items()):
            if before.get(key) != value:
                data = {"account": account, "company": company, "key": key, "value": value}
                statements.upsert(self._connection, relation_data, data)

    def remove_relation(self, account: str, company: str) -> None:
        self._note_relation(account, company, None)
        for table in (relation_data, relations):
            its = (table.c.account == account) & (table.c.company == company)
            self._connection.execute(delete(table).where(its))

    def _with_data(self, account: str, rows: Sequence[RowMapping]) -> list[Relation]:
        """Rows in the order of their companies."""
        if not rows:
            return []
        data: defaultdict[str, dict[str, str]] = defaultdict(dict)
        wanted = statements.data_of(account, first=rows[0]["company"], last=rows[-1]["company"])
        for row in self._all(wanted):
            data[row["company"]][row["key"]] = row["value"]
        return [
            Relation(account, row["company"], row["star"], data[row["company"]]) for row in rows
        ]

    # --- keys, profiles and event types ----------------------------------------------------------

    def keys(self, *, account: str | None, after: str, limit: int) -> list[ApiKey]:
        rows = self._all(statements.keys_of(account, after=after, limit=limit))
        return [key_in(row) for row in rows]

    def key(self, key_id: str) -> ApiKey | None:
        row = self._one(select(api_keys).where(api_keys.c.id == key_id))
        return None if row is None else key_in(row)

    def put_key(self, key: ApiKey) -> None:
        self._put(api_keys, values_of_key(key))

    def note_key_uses(self, uses: Mapping[str, int]) -> None:
        for key_id, used_at_ms in sorted(uses.items()):
            self._connection.execute(statements.note_use(key_id, used_at_ms))

    def profiles(self) -> list[StoredProfile]:
        found = select(profiles).where(~profiles.c.removed).order_by(profiles.c.name)
        return [profile_in(row) for row in self._all(found)]

    def profile(self, name: str) -> StoredProfile | None:
        row = self._one(select(profiles).where(profiles.c.name == name))
        return None if row is None else profile_in(row)

    def uses_of_profile(self, name: str) -> int:
        return self._count(
            statements.count(accounts, accounts.c.profile == name, ~accounts.c.removed),
            statements.count_live_endpoints(endpoints.c.profile == name),
        )

    def put_profile(self, profile: StoredProfile) -> None:
        self._put(profiles, asdict(profile))

    def event_type(self, event_type: str) -> EventType | None:
        row = self._one(select(event_types).where(event_types.c.type == event_type))
        return None if row is None else event_type_in(row)

    def event_types(self, *, after: str, limit: int) -> list[EventType]:
        rows = statements.page(event_types, event_types.c.type, after=after, limit=limit)
        return [event_type_in(row) for row in self._all(rows)]

    def put_event_type(self, event_type: EventType) -> None:
        self._put(event_types, asdict(event_type))

    def remove_event_type(self, event_type: str) -> None:
        self._trail.note_removal(event_types, event_type)
        self._connection.execute(delete(event_types).where(event_types.c.type == event_type))

    # --- what is published -----------------------------------------------------------------------

    def publish(self, record: OutboxRecord) -> None:
        if not self._sequence:
            # A number is drawn before it is committed: nobody else draws one in between.
            self.lock_outbox()
        written = self._connection.execute(insert(outbox).values(asdict(record)))
        assert written.inserted_primary_key is not None  # noqa: S101 - one row was inserted
        self._sequence = written.inserted_primary_key[0]

    def note_positions(self, positions: Mapping[str, int]) -> None:
        for topic, next_offset in sorted(positions.items()):
            row = {"topic": topic, "next_offset": next_offset}
            statements.upsert(self._connection, table_positions, row)

    def lock_outbox(self) -> None:
        statements.lock(self._connection, statements.OUTBOX_LOCK)

    def accounts_and_endpoints(self) -> Tables:
        stored_accounts = map(account_in, self._all(select(accounts).order_by(accounts.c.id)))
        stored_endpoints = map(endpoint_in, self._all(select(endpoints).order_by(endpoints.c.id)))
        return Tables(
            {account.id: account for account in stored_accounts},
            {endpoint.id: endpoint for endpoint in stored_endpoints},
        )

    def all_tables(self) -> RegistryDump:
        tables = self.accounts_and_endpoints()
        by_account: defaultdict[str, list[RowMapping]] = defaultdict(list)
        order = relations.c.account, relations.c.company
        for row in self._all(select(relations).order_by(*order)):
            by_account[row["account"]].append(row)
        stored_relations = (self._with_data(account, rows) for account, rows in by_account.items())
        stored_profiles = self._all(select(profiles).order_by(profiles.c.name))
        return RegistryDump(
            accounts=list(tables.accounts.values()),
            endpoints=list(tables.endpoints.values()),
            relations=list(chain.from_iterable(stored_relations)),
            profiles=list(map(profile_in, stored_profiles)),
        )

    def is_empty(self) -> bool:
        return not self._connection.execute(select(exists(select(accounts.c.id)))).scalar_one()

    # --- kept answers ----------------------------------------------------------------------------

    def kept_answer(self, owner: str, idempotency_key: str) -> KeptAnswer | None:
        its = kept_answers.c
        row = self._one(
            select(kept_answers).where(its.owner == owner, its.idempotency_key == idempotency_key)
        )
        return None if row is None else answer_in(row)

    def keep_answer(self, answer: KeptAnswer) -> bool:
        return statements.insert_new(self._connection, kept_answers, asdict(answer))

    def forget_answers(self, *, before_ms: int) -> None:
        old = kept_answers.c.created_at_ms < before_ms
        self._connection.execute(delete(kept_answers).where(old))

    def note_action(self, action: Action) -> None:
        self._trail.note_action(action)

    def _put(self, table: Table, values: Values) -> None:
        self._trail.note_put(table, values)
        statements.upsert(self._connection, table, values)

    def _note_relation(self, account: str, company: str, after: Relation | None) -> None:
        if self._trail.is_kept:
            self._trail.note_relation(account, company, (self.relation(account, company), after))

    def _one(self, wanted: statements.Page) -> RowMapping | None:
        return self._connection.execute(wanted).mappings().one_or_none()

    def _all(self, wanted: statements.Page) -> Sequence[RowMapping]:
        return self._connection.execute(wanted).mappings().all()

    def _count(self, *counts: statements.Count) -> int:
        return statements.counted(self._connection, counts)
