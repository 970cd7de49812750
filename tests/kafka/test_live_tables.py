"""The tables as a stage follows them, and events that wait for them, on a real broker."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Generator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.adapters.kafka.tables import TableRecord
from pipeline.domain.endpoint import Account, Endpoint
from pipeline.domain.profile_table import Profiles
from pipeline.domain.relation import Relation, relation_key
from pipeline.domain.table_positions import POSITIONS_HEADER, write_positions
from pipeline.domain.topology import Topology
from pipeline.ports import SourceFailed
from pipeline.wiring.live_tables import ENDPOINT_TABLES, ROUTING_TABLES, LiveTables
from pipeline.wiring.table_following import follow_tables
from tests.domain.builders import shipped_profile
from tests.kafka.record_values import CODEC
from tests.kafka_broker import SessionBroker
from tests.running_pipeline import RunningPipeline, eventually, running_pipeline

TOPOLOGY = Topology("t.")
SHIPPED = {name: shipped_profile(name) for name in ("twelve-build", "standard-webhooks")}
PARCELS = json.dumps({"name": "parcels", "formats": {"nested": {"template": {"d": 1}}}})
ENDPOINT = Endpoint("ep_1", "acme", "parcels", "t.delivery.ep_1", version=4)


def some_tables(topology: Topology = TOPOLOGY) -> LiveTables:
    return LiveTables(CODEC, topology, profiles=Profiles(SHIPPED), names=ROUTING_TABLES)


def endpoint_record(endpoint: Endpoint) -> TableRecord:
    value = CODEC.encode_endpoint(endpoint)
    return TableRecord(TOPOLOGY.endpoints, endpoint.version, endpoint.id.encode(), value)


def profile_record(document: str = PARCELS, *, offset: int = 0) -> TableRecord:
    value = CODEC.encode_profile("parcels", document)
    return TableRecord(TOPOLOGY.profiles, offset, b"parcels", value)


def told(tables: LiveTables) -> list[frozenset[str]]:
    """What listeners are told, not counting that nothing changed."""
    changes: list[frozenset[str]] = []
    tables.listen(lambda ids: changes.append(ids) if ids else None)
    return changes


async def test_an_endpoint_that_comes_before_its_profile_waits_for_it():
    tables = some_tables()
    changes = told(tables)
    tables.apply([endpoint_record(ENDPOINT)])
    assert tables.directory.endpoint("ep_1") is None
    assert (tables.positions["endpoints"], changes) == (4, [])
    tables.apply([profile_record()])
    assert tables.directory.endpoint("ep_1") == ENDPOINT
    assert (tables.positions["endpoints"], changes) == (5, [frozenset({"ep_1"})])


async def test_what_such_an_endpoint_was_before_holds_meanwhile():
    tables = some_tables()
    before = replace(ENDPOINT, profile="standard-webhooks", version=3)
    tables.apply([endpoint_record(before), endpoint_record(ENDPOINT)])
    assert tables.directory.endpoint("ep_1") == before


async def test_a_profile_that_is_not_there_at_the_end_of_its_table_is_not_waited_for():
    tables = some_tables()
    tables.apply([endpoint_record(ENDPOINT)])
    tables.built()
    assert tables.directory.endpoint("ep_1") == ENDPOINT
    assert tables.positions["endpoints"] == 5


async def test_a_profile_that_never_comes_is_not_waited_for_for_ever():
    tables = some_tables()
    tables.built()
    tables.apply([endpoint_record(ENDPOINT)])
    changed = asyncio.Event()
    tables.listen(lambda ids: changed.set() if "ep_1" in ids else None)
    assert tables.directory.endpoint("ep_1") is None
    await asyncio.wait_for(changed.wait(), 15)
    assert tables.directory.endpoint("ep_1") == ENDPOINT


async def test_stages_that_need_no_profile_wait_for_none():
    tables = LiveTables(CODEC, TOPOLOGY, profiles=Profiles({}), names=ENDPOINT_TABLES)
    tables.apply([endpoint_record(ENDPOINT)])
    assert tables.directory.endpoint("ep_1") == ENDPOINT
    assert tables.topics == ("t.accounts", "t.endpoints")


async def test_whoever_uses_a_profile_is_told_that_it_changed():
    tables = some_tables()
    other = replace(ENDPOINT, id="ep_2", profile="twelve-build")
    tables.apply([profile_record(), endpoint_record(ENDPOINT), endpoint_record(other)])
    changes = told(tables)
    tables.apply([profile_record(PARCELS.replace("1", "2"), offset=1)])
    assert changes == [frozenset({"ep_1"})]


async def test_records_that_nobody_can_read_are_left_out_and_the_others_applied():
    tables = some_tables()
    broken = endpoint_record(ENDPOINT)._replace(value=b"garbage")
    shadowing = profile_record(PARCELS.replace("parcels", "twelve-build"))
    tables.apply(
        [profile_record(), broken, shadowing, endpoint_record(replace(ENDPOINT, version=5))]
    )
    assert tables.directory.endpoint("ep_1") == replace(ENDPOINT, version=5)
    assert tables.profiles.get("twelve-build") is SHIPPED["twelve-build"]


async def test_an_endpoint_that_a_newer_version_wrote_ends_the_process_and_is_not_passed_over():
    """Events would be routed past it otherwise."""
    unknown_schema = CODEC.encode_endpoint(ENDPOINT).replace(b"\xc3\x01", b"\xc3\x01new", 1)
    unknown_order = CODEC.encode_endpoint(ENDPOINT).replace(b"\x08none", b"\x08loud", 1)
    for value in (unknown_schema, unknown_order):
        tables = some_tables()
        with pytest.raises(SourceFailed, match=r"endpoints at 4: .*upgrade this process"):
            tables.apply([profile_record(), endpoint_record(ENDPOINT)._replace(value=value)])
        assert tables.positions["endpoints"] <= ENDPOINT.version


@pytest.fixture(scope="module")
def pipeline(
    broker: SessionBroker, tmp_path_factory: pytest.TempPathFactory
) -> Generator[RunningPipeline]:
    folder: Path = tmp_path_factory.mktemp("pipeline")
    with running_pipeline(broker.bootstrap_servers, folder) as running:
        yield running


def put(pipeline: RunningPipeline, table: str, key: bytes, value: bytes | None) -> int:
    """The offset after the record."""
    ends: list[int] = []
    pipeline.producer.produce(
        pipeline.topology.named(table),
        value,
        key,
        on_delivery=lambda _, message: ends.append((message.offset() or 0) + 1),
    )
    assert pipeline.producer.flush(30) == 0
    return ends[0]


@asynccontextmanager
async def following(pipeline: RunningPipeline) -> AsyncGenerator[LiveTables]:
    tables = some_tables(pipeline.topology)
    failures: list[BaseException] = []
    async with AsyncExitStack() as closing:
        await follow_tables(tables, pipeline.connection, on_failed=failures.append, closing=closing)
        yield tables
    assert failures == []


async def test_what_a_newer_version_wrote_is_told_to_whoever_follows(broker: SessionBroker):
    with running_pipeline(broker.bootstrap_servers, Path("unused")) as alone:
        put(alone, "endpoints", b"ep_1", b"\xc3\x01" + b"newer..." + b"\0" * 20)
        with pytest.raises(SourceFailed, match="upgrade this process"):
            async with following(alone):
                pass


async def test_every_table_is_followed_to_its_end(pipeline: RunningPipeline):
    star = CODEC.encode_relation(Relation("acme", "4/5", "gold"))
    ends = {
        "accounts": put(pipeline, "accounts", b"x", b"garbage"),
        "relations": put(pipeline, "relations", relation_key("acme", "4/5"), star),
    }
    async with following(pipeline) as tables:
        assert tables.stars.star("acme", "4/5") == "gold"
        assert tables.positions == {"profiles": 0, "endpoints": 0, **ends}
        gone = asyncio.Event()
        tables.listen(lambda _: gone.set() if tables.positions["relations"] == end else None)
        end = put(pipeline, "relations", relation_key("acme", "4/5"), None)
        await asyncio.wait_for(gone.wait(), 20)
        assert tables.stars.star("acme", "4/5") is None


def send(pipeline: RunningPipeline, event_id: str, *, partition: int, **positions: int) -> None:
    event: dict[str, object] = {"id": event_id, "account": "late", "type": "a.b", "data": {}}
    headers: list[tuple[str, str | bytes | None]] = []
    if positions:
        headers.append((POSITIONS_HEADER, write_positions(positions)))
    pipeline.producer.produce(
        pipeline.topology.events, json.dumps(event).encode(), partition=partition, headers=headers
    )
    assert pipeline.producer.flush(30) == 0


def test_events_wait_for_the_tables_they_follow_and_no_others_do(pipeline: RunningPipeline):
    pipeline.run("router")
    account = Account("late", "standard-webhooks")
    pipeline.put_account(account)
    first = pipeline.put_endpoint(Endpoint("ep_first", "late", "standard-webhooks", ""))
    last = put(pipeline, "endpoints", b"none", None)
    send(pipeline, "waits", partition=0, endpoints=last + 1)
    send(pipeline, "behind", partition=0)
    send(pipeline, "beside", partition=1, endpoints=last)

    def routed(endpoint: Endpoint) -> list[str]:
        return [delivery.event_id for delivery in pipeline.deliveries(endpoint.topic)]

    eventually(lambda: routed(first) == ["beside"])
    second = pipeline.put_endpoint(Endpoint("ep_second", "late", "standard-webhooks", ""))
    eventually(lambda: routed(second) == ["waits", "behind"], text=lambda: pipeline.log("router"))
    assert routed(first) == ["beside", "waits", "behind"]
    send(pipeline, "forged", partition=2, endpoints=1_000_000, accounts=7_000_000)
    send(pipeline, "after", partition=3)
    eventually(lambda: routed(first)[3:] == ["after", "forged"])
    assert "is routed without" in pipeline.log("router")
    pipeline.stop("router")


def profile_of_version(number: int) -> bytes:
    document = PARCELS.replace('{"d": 1}', f'{{"v": {number}}}')
    return CODEC.encode_profile("parcels", document)


def test_bodies_follow_a_profile_that_an_operator_defines_and_changes(pipeline: RunningPipeline):
    pipeline.run("router")
    pipeline.put_account(Account("own", "parcels"))
    put(pipeline, "profiles", b"parcels", profile_of_version(1))
    endpoint = pipeline.put_endpoint(Endpoint("ep_own", "own", "parcels", ""))
    for number in (1, 2):
        end = put(pipeline, "profiles", b"parcels", profile_of_version(number))
        event: dict[str, object] = {"account": "own", "type": "a.b", "data": 1}
        pipeline.producer.produce(
            pipeline.topology.events,
            json.dumps(event).encode(),
            headers=[(POSITIONS_HEADER, write_positions({"profiles": end}))],
        )
        assert pipeline.producer.flush(30) == 0
        eventually(lambda count=number: len(pipeline.deliveries(endpoint.topic)) == count)
    bodies = [delivery.body for delivery in pipeline.deliveries(endpoint.topic)]
    assert bodies == [b'{"v":1}', b'{"v":2}']
    pipeline.stop("router")
