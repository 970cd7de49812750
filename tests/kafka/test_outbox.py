"""What the store's transactions leave comes to Kafka: in order, and nothing of it is lost."""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from pipeline.adapters.kafka.cluster import Cluster, TopicToCreate
from pipeline.api.problems import Problem
from pipeline.domain.table_positions import read_positions
from pipeline.registry import OutboxRecord
from pipeline.wiring.registry_adoption import TableSides
from tests.kafka.outbox_places import (
    committed,
    log_of,
    opened_place,
    running_outbox,
    settings_of,
)
from tests.kafka_broker import SessionBroker

_ROOT = Path(__file__).parents[2]


@pytest.fixture
def sides(broker: SessionBroker, tmp_path: Path) -> Generator[TableSides]:
    with opened_place(settings_of(broker.bootstrap_servers, tmp_path)) as context:
        yield context.sides


def told(sides: TableSides, key: str, value: str, *, topic: str | None = None) -> OutboxRecord:
    return OutboxRecord(topic or sides.topology.accounts, key.encode(), value.encode())


def happened(sides: TableSides, value: str) -> OutboxRecord:
    return OutboxRecord(sides.topology.events, b"k", value.encode(), is_event=True)


def values(sides: TableSides, topic: str | None = None) -> list[str]:
    return [
        (value or b"").decode() for _, value, _ in log_of(sides, topic or sides.topology.accounts)
    ]


async def test_what_was_waited_for_is_in_kafka_in_the_order_of_the_commits(sides: TableSides):
    async with running_outbox(sides) as outbox:
        for number in range(20):
            await outbox.wait(committed(sides, told(sides, f"a{number}", str(number))))
            assert outbox.positions[sides.topology.accounts] == number + 1
    assert values(sides) == [str(number) for number in range(20)]


async def test_an_event_tells_how_far_the_tables_were_with_what_was_committed_before(
    sides: TableSides,
):
    topology = sides.topology
    async with running_outbox(sides) as outbox:
        await outbox.wait(committed(sides, told(sides, "a", "1"), told(sides, "b", "1")))
        related = told(sides, "a/c", "star", topic=topology.relations)
        await outbox.wait(committed(sides, related, happened(sides, "starred")))
        assert outbox.header == ("tables", b"accounts=2,relations=1")
    ((_, value, headers),) = log_of(sides, topology.events)
    assert value == b"starred"
    assert [name for name, _ in headers] == ["tables"]
    assert read_positions(headers[0][1]) == {"accounts": 2, "relations": 1}


async def test_of_a_key_only_the_newest_is_published_and_every_event_is(sides: TableSides):
    last = committed(
        sides,
        *(told(sides, "a", str(number)) for number in range(1_200)),
        *(happened(sides, str(number)) for number in range(3)),
        told(sides, "b", "1"),
    )
    async with running_outbox(sides) as outbox:
        await outbox.wait(1)
        await outbox.wait(last)
    found = values(sides)
    assert found[-2:] == ["1199", "1"]
    assert len(found) <= 5  # one a page
    assert sorted(values(sides, sides.topology.events)) == ["0", "1", "2"]


async def test_a_delivery_topic_is_there_before_the_record_that_needs_it(sides: TableSides):
    topic = sides.topology.delivery("crm")
    new = OutboxRecord(
        sides.topology.endpoints, b"crm", b"e", needs_topic=True, delivery_topic=topic
    )
    async with running_outbox(sides) as outbox:
        await outbox.wait(committed(sides, new))
        assert Cluster(sides.connection).layout().topics[topic].has_leaders


async def test_what_kafka_refuses_is_answered_at_once_and_holds_nobody(sides: TableSides):
    cluster, topology = Cluster(sides.connection), sides.topology
    cluster.change_settings({topology.endpoints: {"max.message.bytes": "100"}})
    large = told(sides, "crm", "x" * 1_000, topic=topology.endpoints)
    async with running_outbox(sides) as outbox:
        refused = committed(sides, large)
        with pytest.raises(Problem) as problem:
            await outbox.wait(refused)
        assert problem.value.status == 503
        assert "too large" in (outbox.trouble or "")
        await outbox.wait(committed(sides, told(sides, "a", "1")))
        cluster.change_settings({topology.endpoints: {"max.message.bytes": "1048576"}})
        async with asyncio.timeout(20):
            while not await outbox.is_published(refused, within_seconds=20):
                pass  # it is tried again every second, and whoever asks in between is told
    assert values(sides) == ["1"]
    assert values(sides, topology.endpoints) == ["x" * 1_000]


async def test_a_newer_record_takes_the_place_of_a_refused_one_for_good(sides: TableSides):
    cluster, topology = Cluster(sides.connection), sides.topology
    cluster.change_settings({topology.endpoints: {"max.message.bytes": "100"}})
    async with running_outbox(sides) as outbox:
        large = told(sides, "crm", "x" * 1_000, topic=topology.endpoints)
        assert not await outbox.is_published(committed(sides, large), within_seconds=20)
        await outbox.wait(committed(sides, told(sides, "crm", "2", topic=topology.endpoints)))
        cluster.change_settings({topology.endpoints: {"max.message.bytes": "1048576"}})
    async with running_outbox(sides) as outbox:
        await outbox.wait(committed(sides, told(sides, "crm", "3", topic=topology.endpoints)))
    assert values(sides, topology.endpoints) == ["2", "3"]


async def test_a_record_waits_for_a_topic_that_cannot_be_made_and_others_do_not(sides: TableSides):
    topic = sides.topology.delivery("crm")
    colliding = TopicToCreate(topic.replace("delivery.", "delivery_"), 1, 1, {})
    Cluster(sides.connection).create([colliding])

    def new(key: str) -> OutboxRecord:
        return OutboxRecord(
            sides.topology.endpoints,
            key.encode(),
            key.encode(),
            needs_topic=True,
            delivery_topic=sides.topology.delivery(key),
        )

    async with running_outbox(sides) as outbox:
        refused = committed(sides, new("crm"))
        taken = committed(sides, new("erp"))
        await outbox.wait(taken)
        assert not await outbox.is_published(refused, within_seconds=2)
        assert "collides" in (outbox.trouble or "")
    assert values(sides, sides.topology.endpoints) == ["erp"]


async def test_two_processes_publish_one_after_the_other_and_each_learns_of_its_own(
    sides: TableSides,
):
    async with running_outbox(sides) as one, running_outbox(sides) as other:
        for number in range(30):
            outbox = (one, other)[number % 2]
            await outbox.wait(committed(sides, told(sides, f"a{number}", str(number))))
            assert outbox.positions[sides.topology.accounts] == number + 1
    assert values(sides) == [str(number) for number in range(30)]


async def test_a_process_learns_what_another_publishes_while_that_keeps_the_turn(
    sides: TableSides,
):
    sequence = committed(sides, told(sides, "a", "1"))
    with sides.store.outbox.turn() as turn:
        assert turn is not None
        async with running_outbox(sides) as outbox:
            assert not await outbox.is_published(sequence, within_seconds=0.3)
            turn.published(turn.pending(after=0, limit=9), {sides.topology.accounts: 41})
            await outbox.wait(sequence)
            assert outbox.positions == {sides.topology.accounts: 41}


@pytest.mark.faults
async def test_what_a_killed_process_committed_is_published_by_another_within_seconds(
    sides: TableSides, broker: SessionBroker, tmp_path: Path
):
    command = [sys.executable, "-m", "tests.kafka.committing_process", str(tmp_path)]
    servers, prefix = broker.bootstrap_servers, sides.topology.prefix
    async with running_outbox(sides) as outbox:
        await outbox.wait_ready()
        killed = await asyncio.create_subprocess_exec(*command, servers, prefix, cwd=_ROOT)
        assert await killed.wait() == -9
        until = time.monotonic() + 20
        while outbox.positions.get(sides.topology.accounts) != 1:
            assert time.monotonic() < until
            await asyncio.sleep(0.02)
    assert values(sides) == ["from the dead"]


async def test_while_kafka_is_away_callers_are_told_so_and_later_it_is_published(
    sides: TableSides, unused_tcp_port: int
):
    away = TableSides(
        sides.store,
        {**sides.connection, "bootstrap.servers": f"127.0.0.1:{unused_tcp_port}"},
        sides.topic_file,
        sides.codec,
    )
    async with running_outbox(away) as outbox:
        sequence = committed(sides, told(sides, "a", "1"))
        began = time.monotonic()
        with pytest.raises(Problem) as problem:
            await outbox.wait(sequence)
        assert 9 < time.monotonic() - began < 15
        assert (problem.value.status, problem.value.retry_after_seconds) == (503, 1)
    async with running_outbox(sides) as outbox:
        await outbox.wait(sequence)
    assert values(sides) == ["1"]


async def test_the_store_away_holds_nothing_up_for_longer_than_it_is_away(
    sides: TableSides, tmp_path: Path
):
    async with running_outbox(sides) as outbox:
        await outbox.wait(committed(sides, told(sides, "a", "1")))
        turn_file = tmp_path / "store.sqlite-turn"
        turn_file.unlink()
        turn_file.mkdir()
        sequence = committed(sides, told(sides, "a", "2"))
        assert not await outbox.is_published(sequence, within_seconds=0.5)
        assert "store" in (outbox.trouble or "")
        turn_file.rmdir()
        await outbox.wait(sequence)
        async with asyncio.timeout(20):
            while outbox.trouble is not None:  # noqa: ASYNC110 - nobody says so
                await asyncio.sleep(0.02)


@pytest.fixture
def unused_tcp_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
