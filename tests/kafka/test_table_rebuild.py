"""The store and the tables' topics brought together, on a real broker."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# confluent_kafka.admin does not say what its futures hold.

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from pipeline.adapters.endpoint_file import read_endpoint_file
from pipeline.adapters.kafka.cluster import Cluster
from pipeline.adapters.sealing import Sealer
from pipeline.domain.credentials import read_credentials
from pipeline.domain.endpoint import EndpointStatus
from pipeline.domain.endpoint_topics import Placement
from pipeline.domain.relation import Relation
from pipeline.registry import RegistryDump
from pipeline.settings import Settings
from pipeline.wiring.configuration import key_file, sealer
from pipeline.wiring.endpoint_changes import ChangeContext, apply_changes
from pipeline.wiring.endpoint_move import move_endpoint
from pipeline.wiring.outbox_publishing import keep_published, opened_outbox, publish_pending
from pipeline.wiring.registry_adoption import (
    AlreadyTrue,
    TableSides,
    adopt_tables,
    prepare_registry,
    rebuild_tables,
)
from pipeline.wiring.registry_store import opened_registry
from pipeline.wiring.secret_rotation import rotate_secrets
from pipeline.wiring.table_reading import ToldTables, read_newest, told_by
from tests.domain.endpoint_files import URL, document, endpoint
from tests.kafka.outbox_places import log_of, opened_place, settings_of
from tests.kafka_broker import SessionBroker
from tests.storage.registry_values import a_profile


@pytest.fixture
def settings(broker: SessionBroker, tmp_path: Path) -> Settings:
    return settings_of(broker.bootstrap_servers, tmp_path)


@pytest.fixture
def context(settings: Settings) -> Generator[ChangeContext]:
    with opened_place(settings) as opened:
        yield opened


async def apply(context: ChangeContext, folder: Path, *endpoints: object) -> None:
    path = folder / "endpoints.yaml"
    path.write_text(str(document(*endpoints)), encoding="utf-8")  # a repr of these is YAML
    await apply_changes(read_endpoint_file(path), context)


async def fill(context: ChangeContext, folder: Path) -> None:
    """Two endpoints, one of them removed; relations and a profile."""
    await apply(context, folder, endpoint(), endpoint(id="gone", url=URL + "2"))
    await apply(context, folder, {"id": "gone", "removed": True})
    records = context.sides.records
    with context.store.registry.writing() as writer:
        for relation in (Relation("acme", "c/1", "gold", {"k": "1"}), Relation("acme", "c/2")):
            writer.put_relation(relation)
            writer.publish(records.of_relation(relation))
        writer.put_profile(a_profile())
        writer.publish(records.of_profile(a_profile()))
    await publish_pending(context.sides)


async def tables(sides: TableSides) -> ToldTables:
    records = await read_newest(sides.connection, sides.topology.tables)
    return told_by(records, sides.topology, codec=sides.codec)


def stored(sides: TableSides) -> RegistryDump:
    with sides.store.registry.reading() as reader:
        return reader.all_tables()


async def assert_equal_sides(sides: TableSides) -> None:
    """What the tables say is what the store says, but for what the store alone has."""
    told, dump = await tables(sides), stored(sides)
    assert [replace(each, version=0) for each in told.accounts.values()] == list(dump.accounts)
    endpoints = sorted(told.endpoints.values(), key=lambda each: each.id)
    assert [replace(each, version=0) for each in endpoints] == list(dump.endpoints)
    relations = sorted(told.relations, key=lambda each: each.company)
    assert [replace(each, version=0) for each in relations if not each.removed] == [
        replace(each, data={}) for each in dump.relations
    ]
    assert [(each.name, each.document, each.removed) for each in told.profiles] == [
        (each.name, each.document, each.removed) for each in dump.profiles
    ]


def lose_tables(sides: TableSides) -> None:
    """The topics are deleted and made again, empty."""
    admin = AdminClient(dict(sides.connection))
    topics = [*sides.topology.tables, sides.topology.delivery("crm")]
    for deleted in admin.delete_topics(topics).values():
        deleted.result(30)
    until_gone(sides, topics)


def until_gone(sides: TableSides, topics: list[str]) -> None:
    cluster = Cluster(sides.connection)
    for _ in range(2_000):
        if not cluster.layout().topics.keys() & set(topics):
            return
    pytest.fail("the topics are not gone")


async def test_a_rebuild_fills_topics_that_were_lost_with_all_that_the_store_says(
    context: ChangeContext, tmp_path: Path
):
    sides = context.sides
    await fill(context, tmp_path)
    await assert_equal_sides(sides)
    before = stored(sides)
    lose_tables(sides)
    context.topics.create(sides.topology.tables)
    assert not (await tables(sides)).accounts
    await rebuild_tables(sides)
    await publish_pending(sides)
    assert stored(sides) == before
    await assert_equal_sides(sides)
    assert sides.topology.delivery("crm") in Cluster(sides.connection).layout().topics
    positions = sides.store.outbox.outlook([]).positions
    assert positions == {
        sides.topology.accounts: 1,
        sides.topology.endpoints: 2,
        sides.topology.profiles: 1,
        sides.topology.relations: 2,
    }


async def test_a_rebuild_removes_what_only_the_tables_know(context: ChangeContext, tmp_path: Path):
    sides, topology = context.sides, context.sides.topology
    await fill(context, tmp_path)
    known = stored(sides)
    records = sides.records
    strangers = [
        records.of_account(replace(known.accounts[0], id="stranger")),
        records.of_endpoint(replace(known.endpoints[0], id="strange")),
        records.of_relation(Relation("stranger", "c/9", "gold")),
        records.of_profile(a_profile("strange")),
    ]
    producer = Producer({**sides.connection, "acks": "all"})
    for record in strangers:
        producer.produce(record.topic, record.value, record.key)
    producer.produce(topology.endpoints, b"\xc3\x01" + b"\xff" * 20, b"unreadable")
    assert producer.flush(10) == 0
    await rebuild_tables(sides)
    await publish_pending(sides)
    told = await tables(sides)
    assert told.accounts["stranger"].removed
    assert not told.accounts["acme"].removed
    assert told.endpoints["strange"].status is EndpointStatus.REMOVED
    assert told.endpoints["crm"].status is EndpointStatus.ACTIVE
    assert {each.company for each in told.relations if each.removed} == {"c/9"}
    assert {each.name for each in told.profiles if each.removed} == {"strange"}
    assert stored(sides) == known
    ends = {topic: len(log_of(sides, topic)) for topic in topology.tables}
    await rebuild_tables(sides)
    await publish_pending(sides)
    # What is removed already is left alone.
    assert len(log_of(sides, topology.accounts)) == ends[topology.accounts] + 1


async def test_tables_that_were_written_before_there_was_a_store_are_adopted(
    context: ChangeContext, tmp_path: Path
):
    await fill(context, tmp_path)
    known = stored(context.sides)
    ends = [len(log_of(context.sides, topic)) for topic in context.sides.topology.tables]
    (tmp_path / "new").mkdir()
    without = opened_registry(Settings(data_dir=tmp_path / "new"))
    sides = replace(context.sides, store=without)
    assert await prepare_registry(sides) is not None
    adopted = stored(sides)
    assert adopted.accounts == known.accounts
    assert adopted.endpoints == known.endpoints
    assert adopted.relations == [replace(each, data={}) for each in known.relations]
    assert [(each.name, each.document) for each in adopted.profiles] == [("own", '{"a":1.0}')]
    positions = without.outbox.outlook([]).positions
    assert [positions[topic] for topic in sides.topology.tables] == ends
    with pytest.raises(AlreadyTrue):
        await adopt_tables(sides)
    assert await prepare_registry(sides) is None
    await publish_pending(sides)
    assert [len(log_of(sides, topic)) for topic in sides.topology.tables] == ends
    without.close()


async def test_a_file_is_applied_over_adopted_tables(context: ChangeContext, tmp_path: Path):
    await apply(context, tmp_path, endpoint(), endpoint(id="other", url=URL + "2"))
    (tmp_path / "new").mkdir()
    without = opened_registry(Settings(data_dir=tmp_path / "new"))
    anew = replace(context, store=without)
    await apply(anew, tmp_path, endpoint(timeout="20s"))
    assert {each.id: each.timeout_ms for each in stored(anew.sides).endpoints} == {
        "crm": 20_000,
        "other": None,
    }
    await assert_equal_sides(anew.sides)
    without.close()


async def test_at_a_start_the_tables_are_mended_where_they_differ_and_nothing_is_removed(
    context: ChangeContext, tmp_path: Path
):
    sides = context.sides
    await fill(context, tmp_path)
    known = stored(sides)
    stale = sides.records.of_endpoint(replace(known.endpoints[0], timeout_ms=1))
    stranger = sides.records.of_account(replace(known.accounts[0], id="stranger"))
    producer = Producer({**sides.connection, "acks": "all"})
    for record in (stale, stranger):
        producer.produce(record.topic, record.value, record.key)
    assert producer.flush(10) == 0
    before = len(log_of(sides, sides.topology.endpoints))
    assert await prepare_registry(sides) is None
    await publish_pending(sides)
    told = await tables(sides)
    assert replace(told.endpoints["crm"], version=0) == known.endpoints[0]
    assert not told.accounts["stranger"].removed
    assert len(log_of(sides, sides.topology.endpoints)) == before + 1


async def test_a_move_is_in_the_store_and_in_the_tables(context: ChangeContext, tmp_path: Path):
    await apply(context, tmp_path, endpoint())
    before, after = await move_endpoint("crm", Placement.SHARED, context)
    assert (before.topic, after.topic) == (
        context.sides.topology.delivery("crm"),
        context.sides.topology.shared_delivery,
    )
    assert stored(context.sides).endpoints == [after]
    await assert_equal_sides(context.sides)
    assert await move_endpoint("crm", Placement.SHARED, context) == (after, after)


async def test_secrets_are_sealed_with_the_newest_key_and_stay_the_same(
    context: ChangeContext, settings: Settings, tmp_path: Path
):
    sides = context.sides
    assert settings.secrets.key is not None
    await apply(context, tmp_path, endpoint(), endpoint(id="other", url=URL + "2"))
    was = {each.id: each.sealed or b"" for each in stored(sides).endpoints}
    old, new_key = context.sealer, os.urandom(32)
    both = Sealer(new_key, [base64.b64decode(settings.secrets.key.get_secret_value())])
    resealed = await rotate_secrets(sides, both, None)
    assert (resealed.sealed_anew, resealed.unreadable) == (2, ())
    alone = Sealer(new_key)
    told = (await tables(sides)).endpoints
    for each in told.values():
        record_key = each.id.encode()
        opened = read_credentials(alone.open(each.sealed or b"", record_key=record_key))
        assert opened == read_credentials(old.open(was[each.id], record_key=record_key))
    ends = len(log_of(sides, sides.topology.endpoints))
    assert (await rotate_secrets(sides, both, None)).sealed_anew == 0
    assert len(log_of(sides, sides.topology.endpoints)) == ends


async def test_a_key_file_gets_a_new_key_and_who_reads_it_follows(
    broker: SessionBroker, tmp_path: Path
):
    with_key = settings_of(broker.bootstrap_servers, tmp_path)
    settings = with_key.model_copy(update={"secrets": type(with_key.secrets)()})
    running = sealer(settings)  # of a process that goes on meanwhile
    with opened_place(settings) as context:
        await apply(context, tmp_path, endpoint())
        first = key_file(settings).keys
        resealed = await rotate_secrets(context.sides, context.sealer, key_file(settings))
        assert (resealed.sealed_anew, resealed.has_new_key) == (1, True)
        keys = key_file(settings).keys
        assert keys[1:] == first
        assert keys[0] != first[0]
        (told,) = (await tables(context.sides)).endpoints.values()
        assert told.sealed is not None
        assert Sealer(keys[0]).open(told.sealed, record_key=b"crm")
        assert running.open(told.sealed, record_key=b"crm")
        assert running.is_newest(running.seal(b"", record_key=b"x"))
        assert Sealer(keys[0]).is_newest(running.seal(b"", record_key=b"x"))


async def test_what_no_key_opens_is_named_and_left(context: ChangeContext, tmp_path: Path):
    await apply(context, tmp_path, endpoint())
    before = stored(context.sides)
    resealed = await rotate_secrets(context.sides, Sealer(os.urandom(32)), None)
    assert (resealed.sealed_anew, resealed.unreadable) == (0, ("crm",))
    assert stored(context.sides) == before


async def test_who_keeps_all_published_adopts_what_there_was_before_its_store(
    context: ChangeContext, tmp_path: Path
):
    await apply(context, tmp_path, endpoint())
    (tmp_path / "new").mkdir()
    without = opened_registry(Settings(data_dir=tmp_path / "new"))
    sides = replace(context.sides, store=without)
    async with opened_outbox(sides) as outbox, asyncio.TaskGroup() as group:
        keeping = group.create_task(keep_published(sides, outbox))
        async with asyncio.timeout(60):
            await outbox.wait_ready()
        assert [each.id for each in stored(sides).endpoints] == ["crm"]
        assert outbox.positions[sides.topology.endpoints] == 1
        keeping.cancel()
    without.close()
