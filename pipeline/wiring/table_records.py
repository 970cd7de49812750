"""What the tables' topics are told of accounts, endpoints, relations and profiles."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pipeline.adapters.kafka.codec import RecordCodec
from pipeline.adapters.kafka.tables import TableRecord
from pipeline.domain.endpoint import Account, Endpoint, EndpointStatus
from pipeline.domain.relation import Relation, relation_key
from pipeline.domain.topology import Topology
from pipeline.ports import Undecodable
from pipeline.registry import OutboxRecord, RegistryDump, StoredProfile
from pipeline.wiring.table_reading import ToldTables, tell


class OutboxRecords:
    """Implements `TableRecords`: makes records for the outbox."""

    def __init__(self, codec: RecordCodec, topology: Topology) -> None:
        self.codec = codec
        self.topology = topology

    def of_account(self, account: Account) -> OutboxRecord:
        value = self.codec.encode_account(account)
        return OutboxRecord(self.topology.accounts, account.id.encode(), value)

    def of_endpoint(self, endpoint: Endpoint, *, needs_topic: bool = False) -> OutboxRecord:
        """`needs_topic`: its own delivery topic has to be made first."""
        return OutboxRecord(
            self.topology.endpoints,
            endpoint.id.encode(),
            self.codec.encode_endpoint(endpoint),
            needs_topic=needs_topic,
            delivery_topic=endpoint.topic if needs_topic else None,
        )

    def of_relation(self, relation: Relation) -> OutboxRecord:
        value = self.codec.encode_relation(relation)
        return OutboxRecord(
            self.topology.relations, relation_key(relation.account, relation.company), value
        )

    def of_profile(self, profile: StoredProfile) -> OutboxRecord:
        value = self.codec.encode_profile(profile.name, profile.document, removed=profile.removed)
        return OutboxRecord(self.topology.profiles, profile.name.encode(), value)


def all_records(dump: RegistryDump, records: OutboxRecords) -> list[OutboxRecord]:
    """Of all that the store has: accounts and profiles first, which endpoints need."""
    own = records.topology.endpoint_of
    return [
        *map(records.of_profile, dump.profiles),
        *map(records.of_account, dump.accounts),
        *(
            records.of_endpoint(
                endpoint,
                needs_topic=own(endpoint.topic) is not None
                and endpoint.status is not EndpointStatus.REMOVED,
            )
            for endpoint in dump.endpoints
        ),
        *map(records.of_relation, dump.relations),
    ]


def removals(
    told: Iterable[TableRecord], records: OutboxRecords, *, removed_at_ms: int
) -> list[OutboxRecord]:
    """Of things that only the tables know: that they are removed, which others have to see.

    Only what nobody can read is wiped out.
    """
    removed: list[OutboxRecord] = []
    for record in told:
        if record.value is None:
            continue
        its = ToldTables()
        try:
            tell(its, record, topology=records.topology, codec=records.codec)
        except (Undecodable, ValueError):
            removed.append(OutboxRecord(record.topic, record.key, None))
        else:
            removed += _removal(its, records, removed_at_ms=removed_at_ms)
    return removed


def _removal(its: ToldTables, records: OutboxRecords, *, removed_at_ms: int) -> list[OutboxRecord]:
    accounts = [each for each in its.accounts.values() if not each.removed]
    endpoints = [
        each for each in its.endpoints.values() if each.status is not EndpointStatus.REMOVED
    ]
    relations = [each for each in its.relations if not each.removed]
    profiles = [
        StoredProfile(each.name, each.document, removed_at_ms, removed_at_ms, removed=True)
        for each in its.profiles
        if not each.removed
    ]
    return [
        *(records.of_account(replace(each, removed=True)) for each in accounts),
        *(records.of_endpoint(_removed(each, removed_at_ms)) for each in endpoints),
        *(records.of_relation(replace(each, removed=True, star=None)) for each in relations),
        *map(records.of_profile, profiles),
    ]


def _removed(endpoint: Endpoint, removed_at_ms: int) -> Endpoint:
    return replace(
        endpoint,
        status=EndpointStatus.REMOVED,
        status_reason=None,
        status_since_ms=removed_at_ms,
        updated_at_ms=removed_at_ms,
    )
