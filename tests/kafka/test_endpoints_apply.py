"""Files of accounts and endpoints, applied to the tables of a real broker."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import socket
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from pipeline.adapters.endpoint_file import EndpointFileError, read_endpoint_file
from pipeline.adapters.kafka.cluster import Cluster, ClusterFailed, TopicToCreate
from pipeline.adapters.kafka.topics import Topics
from pipeline.domain.change_plan import Change, ChangeLine, Tables
from pipeline.domain.credentials import read_credentials
from pipeline.domain.endpoint import BearerAuth, EndpointStatus, SigningSecret
from pipeline.settings import KafkaSettings, SecretsSettings, Settings
from pipeline.wiring.endpoint_changes import (
    ChangeContext,
    NotPublished,
    apply_changes,
    change_context,
    plan_file,
)
from pipeline.wiring.table_reading import TablesUnread, read_tables
from tests.domain.endpoint_files import URL, document, endpoint
from tests.kafka_broker import SessionBroker

FULL = {
    "description": "The CRM\nof Acme",
    "metadata": {"team": "sales", "ä": "ö"},
    "event_types": ["person.*", "*.created"],
    "body": {"template": {"b": 1.50, "a": ["$.event.id", {"ü": "$.event.data"}]}},
    "auth": {"type": "bearer", "token": "topsecret-token"},
    "headers": {"X-B": "1", "X-A": "2"},
    "signing": ["v1a"],
    "retry": {"first": "1s", "factor": 1.7, "cap": "1h", "attempts": 9, "jitter": 0.1},
    "order": "strict",
    "timeout": "20s",
    "max_in_flight": 3,
    "rate_limit": {"requests": 10, "per": "1m"},
    "on_inactive": "drop",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A pipeline of its own on the session's broker, and a folder for files."""

    context: ChangeContext
    folder: Path

    async def apply(self, file: object) -> tuple[ChangeLine, ...]:
        return await apply_changes(read_endpoint_file(self.written(file)), self.context)

    def written(self, file: object) -> Path:
        # What is JSON is YAML too.
        path = self.folder / "endpoints.yaml"
        path.write_text(json.dumps(file, ensure_ascii=False), encoding="utf-8")
        return path

    async def tables(self) -> Tables:
        topology = self.context.topic_file.topology
        return await read_tables(self.context.connection, topology, codec=self.context.codec)

    def ends(self) -> tuple[int, int]:
        """How many records were ever written to the tables of accounts and endpoints."""
        topology = self.context.topic_file.topology
        return (self.end(topology.accounts), self.end(topology.endpoints))

    def end(self, topic: str) -> int:
        consumer = Consumer({**self.context.connection, "group.id": "unused"})
        try:
            return consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=10)[1]
        finally:
            consumer.close()

    def write(self, topic: str, key: bytes, value: bytes | None) -> None:
        producer = Producer({**self.context.connection, "acks": "all"})
        producer.produce(topic, value, key)
        assert producer.flush(10) == 0

    def values(self, topic: str) -> list[bytes]:
        consumer = Consumer({**self.context.connection, "group.id": "unused"})
        try:
            consumer.assign([TopicPartition(topic, 0, 0)])
            return [
                message.value() or b"" for message in consumer.consume(self.end(topic), timeout=10)
            ]
        finally:
            consumer.close()


def settings_of(broker: SessionBroker, folder: Path, prefix: str) -> Settings:
    key = base64.b64encode(os.urandom(32)).decode()
    return Settings(
        data_dir=folder,
        kafka=KafkaSettings(bootstrap_servers=broker.bootstrap_servers, topic_prefix=prefix),
        secrets=SecretsSettings.model_validate({"key": key}),
    )


@pytest.fixture
def bare(broker: SessionBroker, tmp_path: Path) -> Place:
    """Without any topic."""
    settings = settings_of(broker, tmp_path, f"t{uuid.uuid4().hex[:12]}.")
    return Place(change_context(settings), tmp_path)


@pytest.fixture
def place(bare: Place) -> Place:
    topology = bare.context.topic_file.topology
    bare.context.topics.create([topology.accounts, topology.endpoints, topology.shared_delivery])
    return bare


def changes(lines: tuple[ChangeLine, ...]) -> list[tuple[str | None, Change]]:
    return [(line.endpoint, line.change) for line in lines]


async def test_what_is_applied_is_in_the_tables_with_its_topic_and_its_secrets_sealed(place: Place):
    lines = await place.apply(document(endpoint(**FULL), owner_email="ops@example.com"))
    assert changes(lines) == [(None, Change.CREATED), ("crm", Change.CREATED)]
    made = lines[1].made
    tables = await place.tables()
    assert tables.accounts["acme"].owner_email == "ops@example.com"
    stored = tables.endpoints["crm"]
    topology = place.context.topic_file.topology
    assert stored.topic == topology.delivery("crm")
    assert stored.body.template == '{"b":1.5,"a":["$.event.id",{"ü":"$.event.data"}]}'
    assert stored.metadata == {"team": "sales", "ä": "ö"}
    layout = Cluster(place.context.connection).layout().topics[stored.topic]
    assert (layout.partitions, layout.has_leaders) == (1, True)
    assert stored.sealed is not None
    opened = read_credentials(place.context.sealer.open(stored.sealed, record_key=b"crm"))
    assert opened.auth == BearerAuth("topsecret-token")
    assert made.secret is not None
    assert made.signing_key is not None
    assert opened.secrets == (SigningSecret(made.secret),)
    assert opened.signing_keys == (SigningSecret(made.signing_key),)
    written = b"".join(place.values(topology.endpoints))
    assert b"crm" in written
    for secret in ("topsecret-token", made.secret, made.signing_key):
        assert secret.encode() not in written


@pytest.mark.parametrize("entry", [{}, FULL, {"id": None}, {"active": False}])
async def test_a_file_that_is_applied_again_writes_nothing(place: Place, entry: Mapping[str, Any]):
    file = document(endpoint(**entry))
    first = await place.apply(file)
    ends = place.ends()
    assert ends == (1, 1)
    again = await place.apply(file)
    assert {line.change for line in again} == {Change.UNCHANGED}
    assert [line.endpoint for line in again] == [line.endpoint for line in first]
    assert again[1].made.secret is None
    assert place.ends() == ends


async def test_a_change_and_a_removal_are_written_over_what_was(place: Place):
    await place.apply(document(endpoint(), endpoint(id="other", url=URL + "2")))
    before = await place.tables()
    lines = await place.apply(document(endpoint(timeout="20s"), {"id": "other", "removed": True}))
    assert changes(lines)[1:] == [("crm", Change.CHANGED), ("other", Change.REMOVED)]
    after = await place.tables()
    assert after.endpoints["crm"].timeout_ms == 20_000
    assert after.endpoints["crm"].version > before.endpoints["crm"].version
    assert after.endpoints["crm"].sealed == before.endpoints["crm"].sealed
    assert after.endpoints["other"].status is EndpointStatus.REMOVED
    assert place.ends() == (1, 4)


async def test_a_dry_run_writes_nothing_and_says_what_would_be(place: Place):
    plan = await plan_file(read_endpoint_file(place.written(document(endpoint()))), place.context)
    assert changes(plan.lines) == [(None, Change.CREATED), ("crm", Change.CREATED)]
    assert place.ends() == (0, 0)
    topic = place.context.topic_file.topology.delivery("crm")
    assert topic not in Cluster(place.context.connection).layout().topics


async def test_one_mistake_anywhere_in_a_file_keeps_all_of_it_from_being_applied(place: Place):
    file = document(endpoint(id="a"), endpoint(id="b", url="http://127.0.0.1:9/"))
    with pytest.raises(EndpointFileError) as refused:
        await place.apply(file)
    (line,) = refused.value.lines
    assert line.startswith(f"{place.folder / 'endpoints.yaml'}:1: accounts.0.endpoints.1.url: ")
    assert "127.0.0.1 is in 127.0.0.0/8" in line
    assert "PIPELINE_SENDING__ALLOWED_NETWORKS" in line
    assert place.ends() == (0, 0)


async def test_an_address_that_the_operator_allows_is_taken(place: Place, broker: SessionBroker):
    settings = settings_of(broker, place.folder, place.context.topic_file.topology.prefix)
    sending = settings.sending.model_copy(update={"allowed_networks": ("127.0.0.0/8",)})
    allowing = change_context(settings.model_copy(update={"sending": sending}))
    lines = await Place(allowing, place.folder).apply(document(endpoint(url="http://127.0.0.1:9/")))
    assert changes(lines)[1] == ("crm", Change.CREATED)


async def test_beyond_the_limit_endpoints_share_a_topic_and_none_is_made_for_them(place: Place):
    file = replace(place.context.topic_file, dedicated_limit=1)
    limited = Place(replace(place.context, topic_file=file), place.folder)
    await limited.apply(document(endpoint(id="a"), endpoint(id="b")))
    topology = file.topology
    topics = {stored.id: stored.topic for stored in (await limited.tables()).endpoints.values()}
    assert topics == {"a": topology.delivery("a"), "b": topology.shared_delivery}
    assert topology.delivery("b") not in Cluster(place.context.connection).layout().topics


async def test_no_record_is_written_where_a_delivery_topic_cannot_be_made(place: Place):
    # Kafka takes no two topics whose names differ in . and _ alone.
    topic = place.context.topic_file.topology.delivery("crm")
    colliding = TopicToCreate(topic.replace("delivery.", "delivery_"), 1, 1, {})
    Cluster(place.context.connection).create([colliding])
    with pytest.raises(ClusterFailed, match="collides"):
        await place.apply(document(endpoint()))
    assert place.ends() == (0, 0)


async def test_without_tables_the_command_that_makes_them_is_named(bare: Place):
    with pytest.raises(TablesUnread, match="pipeline topics apply"):
        await bare.apply(document(endpoint()))


async def test_a_record_that_this_version_does_not_know_stops_everything(place: Place):
    place.write(place.context.topic_file.topology.endpoints, b"x", b"\xc3\x01" + b"\xff" * 20)
    with pytest.raises(TablesUnread, match=r"endpoints at 0: written with the schema"):
        await place.apply(document(endpoint()))
    assert place.ends() == (0, 1)


async def test_the_newest_record_of_a_key_holds_and_a_tombstone_is_no_endpoint(place: Place):
    await place.apply(document(endpoint(), endpoint(id="gone", url=URL + "2")))
    await place.apply(document(endpoint(timeout="20s")))
    place.write(place.context.topic_file.topology.endpoints, b"gone", None)
    tables = await place.tables()
    assert set(tables.endpoints) == {"crm"}
    assert tables.endpoints["crm"].timeout_ms == 20_000


async def test_what_kafka_refuses_is_told_with_the_secrets_that_were_made(place: Place):
    topology = place.context.topic_file.topology
    cluster = Cluster(place.context.connection)
    cluster.change_settings({topology.endpoints: {"max.message.bytes": "100"}})
    kept = "kept, but not published yet: .* the same command"
    with pytest.raises(NotPublished, match=re.compile(kept)) as refused:
        await place.apply(document(endpoint()))
    assert changes(refused.value.lines)[1] == ("crm", Change.CREATED)
    assert refused.value.lines[1].made.secret is not None
    assert place.ends() == (1, 0)
    cluster.change_settings({topology.endpoints: {"max.message.bytes": "1048576"}})
    assert changes(await place.apply(document(endpoint()))) == [
        (None, Change.UNCHANGED),
        ("crm", Change.UNCHANGED),
    ]
    assert set((await place.tables()).endpoints) == {"crm"}


async def test_a_cluster_that_does_not_answer_is_told_in_time(place: Place):
    with socket.create_server(("127.0.0.1", 0)) as unanswering:
        servers = f"127.0.0.1:{unanswering.getsockname()[1]}"
        cluster = Cluster({"bootstrap.servers": servers}, request_seconds=0.5)
        topics = Topics(cluster, place.context.topic_file)
        absent = Place(replace(place.context, topics=topics), place.folder)
        async with asyncio.timeout(20):
            with pytest.raises(ClusterFailed):
                await absent.apply(document(endpoint()))
