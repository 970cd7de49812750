"""Against the protocol, see `registry_server.py`."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable, Generator
from contextlib import closing
from typing import Any

import pytest

from pipeline.adapters.kafka import schema_loading
from pipeline.adapters.kafka.schema_registry import (
    RegistryAway,
    RegistryRefused,
    SchemaRegistry,
    UnknownSchema,
    UnusableRegistry,
)
from pipeline.adapters.kafka.wire_format import SCHEMA_HEADER, SchemaName
from pipeline.adapters.kafka.writer_schemas import MOST_KEPT, WriterSchemas
from pipeline.domain.event import Event
from pipeline.ports import Undecodable
from tests.kafka.registry_reading import (
    ADA,
    NO_HEADERS,
    TOPIC,
    WRITTEN_MS,
    reading,
    record_of,
)
from tests.kafka.registry_server import (
    CONTACT,
    Registry,
    avro,
    guid_of,
    running_registry,
    written_by_id,
)
from tests.running_pipeline import eventually


@pytest.fixture
def registry() -> Generator[Registry]:
    with running_registry() as running:
        yield running


async def until(is_so: Callable[[], bool]) -> None:
    await asyncio.to_thread(eventually, is_so)


async def test_a_record_of_either_version_of_the_wire_format_becomes_an_event(registry: Registry):
    number = registry.add(CONTACT)
    async with reading(registry.address) as reader:
        wanted = Event(
            f"{TOPIC}/1/7@{WRITTEN_MS}",
            "contact.changed",
            "shop",
            WRITTEN_MS * 1000,
            b'{"tenant":"shop","id":7,"changed_at":"2026-03-02T11:00:00.123000Z","name":"Ada"}',
            "7",
        )
        by_id, by_guid = written_by_id(number, b""), guid_of(number)
        assert await reader.event(by_id + ADA) == wanted
        assert await reader.event(by_guid + ADA) == wanted
        assert await reader.event(ADA, headers=[(SCHEMA_HEADER, by_id)]) == wanted
        assert await reader.event(ADA, headers=[(SCHEMA_HEADER, by_guid)]) == wanted
    guid = uuid.UUID(int=number)
    assert registry.asked == [f"GET /schemas/ids/{number}", f"GET /schemas/guids/{guid}"]


async def test_a_schema_that_refers_to_others_is_read_with_them(registry: Registry):
    inner = registry.add(
        {"type": "record", "name": "crm.Id", "fields": [{"name": "n", "type": "int"}]}
    )
    registry.subjects["crm.Id"] = [inner]
    outer = {"type": "record", "name": "R", "fields": [{"name": "id", "type": "crm.Id"}]}
    reference = {"name": "crm.Id", "subject": "crm.Id", "version": 1}
    number = registry.add(outer, references=[reference, reference])
    with closing(SchemaRegistry(registry.address)) as client:
        assert client.schema(SchemaName(id=number)).json_of(b"\2") == b'{"id":{"n":1}}'


async def test_an_unknown_id_is_no_event_and_is_asked_for_twice_to_be_sure(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(schema_loading, "SURE_SECONDS", 0.05)
    async with reading(registry.address) as reader:
        for _ in range(2):
            with pytest.raises(Undecodable, match="id 9: the schema registry does not know it"):
                await reader.event(written_by_id(9, ADA))
    assert registry.asked == ["GET /schemas/ids/9"] * 2


async def test_what_is_registered_a_moment_later_is_read(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(schema_loading, "SURE_SECONDS", 0.3)
    async with reading(registry.address) as reader:
        waiting = reader.event(written_by_id(1, ADA))
        async with asyncio.TaskGroup() as group:
            event = group.create_task(waiting)
            await until(lambda: bool(registry.asked))
            registry.add(CONTACT)
        assert event.result().account == "shop"


@pytest.mark.parametrize("status", [200, 404, 401, 503, 302])
async def test_a_registry_that_is_away_or_astray_is_asked_until_it_answers(
    registry: Registry, status: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(schema_loading, "FIRST_WAIT_SECONDS", 0.02)
    number = registry.add(CONTACT)
    registry.away = status
    async with reading(registry.address) as reader, asyncio.TaskGroup() as group:
        told: list[int] = []
        reader.loading.listen(lambda: told.append(1))
        record = record_of(written_by_id(number, ADA))
        assert not reader.loading.admits(record)
        event = group.create_task(reader.event(record.value or b""))
        await until(lambda: registry.asked.count("away") >= 2)
        assert (event.done(), told) == (False, [])
        registry.away = None
        assert (await event).account == "shop"
        assert told == [1]
        assert reader.loading.admits(record)


async def test_nobody_there_is_no_answer():
    with running_registry() as gone:
        address = gone.address
    with closing(SchemaRegistry(address)) as client, pytest.raises(RegistryAway, match=address):
        client.schema(SchemaName(id=1))


@pytest.mark.parametrize(
    ("schema", "members", "why"),
    [
        ("{", {}, "cannot be read with"),
        ('"int"', {}, "not the schema of a record"),
        ('{"type":"array","items":' * 3_000, {}, "cannot be read with"),
        (
            {"type": "record", "name": "N", "fields": [{"name": "n", "type": ["null", "N"]}]},
            {},
            "contains itself",
        ),
        (CONTACT, {"schemaType": "PROTOBUF"}, "only Avro"),
        ("x" * 3_000_000, {}, "more than 1048576 bytes"),
    ],
)
async def test_a_broken_schema_costs_its_records_alone(
    registry: Registry, schema: object, members: dict[str, Any], why: str
):
    broken, good = registry.add(schema, **members), registry.add(CONTACT)
    async with reading(registry.address) as reader:
        with pytest.raises(Undecodable, match=why):
            await reader.event(written_by_id(broken, ADA))
        assert (await reader.event(written_by_id(good, ADA))).account == "shop"


async def test_a_reference_that_leads_round_ends_and_one_to_nowhere_is_no_schema(
    registry: Registry,
):
    round_about = registry.add(
        CONTACT, references=[{"name": "crm.Contact", "subject": "s", "version": 1}]
    )
    registry.subjects["s"] = [round_about]
    nowhere = registry.add(CONTACT, references=[{"name": "x", "subject": "n", "version": 3}])
    with closing(SchemaRegistry(registry.address)) as client:
        assert client.schema(SchemaName(id=round_about)).json_of(ADA)
        with pytest.raises(UnknownSchema):
            client.schema(SchemaName(id=nowhere))


async def test_only_topics_that_take_it_ask_the_registry(registry: Registry):
    registry.away = 503
    async with reading(registry.address) as reader:
        admits = reader.loading.admits
        assert admits(record_of(written_by_id(1, ADA), topic="plain"))
        assert admits(record_of(b'{"a":1}', topic="any"))
        assert admits(record_of(b"\0\0", topic="any"))
        assert admits(record_of(ADA, [("ce_specversion", b"1.0")], topic="any"))
        assert not admits(record_of(written_by_id(1, ADA), topic="any"))


async def test_an_envelope_may_be_written_with_a_schema_too(registry: Registry):
    fields = [{"name": name, "type": "string"} for name in ("account", "type", "data")]
    schema = {"type": "record", "name": "E", "fields": fields}
    number = registry.add(schema)
    async with reading(registry.address) as reader:
        content = avro(schema, {"account": "shop", "type": "t", "data": "hello"})
        event = await reader.event(written_by_id(number, content), topic="any")
    assert (event.account, event.type, event.data) == ("shop", "t", b'"hello"')


@pytest.mark.parametrize(
    ("value", "headers"),
    [
        (b"\0\0\0", NO_HEADERS),
        (b"\1" + b"g" * 15, NO_HEADERS),
        (ADA, [(SCHEMA_HEADER, b"\0\0")]),
        (ADA, [(SCHEMA_HEADER, b"\0\0\0\0\1x")]),
        (ADA, [(SCHEMA_HEADER, None)]),
    ],
)
async def test_a_name_that_is_cut_off_is_no_event(
    registry: Registry, value: bytes, headers: list[tuple[str, bytes | None]]
):
    async with reading(registry.address) as reader:
        with pytest.raises(Undecodable, match="schema"):
            await reader.event(value, headers=headers)
    assert registry.asked == []


def test_no_more_schemas_are_kept_than_there_is_room_for():
    schemas = WriterSchemas()
    for number in range(MOST_KEPT + 1):
        schemas.keep(SchemaName(id=number), "none")
    assert schemas.missing(record_of(written_by_id(0, b""))) == SchemaName(id=0)
    assert schemas.missing(record_of(written_by_id(1, b""))) is None


def test_our_schemas_are_registered_once(registry: Registry):
    registry.credentials = "us:er:pw"
    text = json.dumps(CONTACT)
    with closing(SchemaRegistry(registry.address, auth="us:er:pw")) as client:
        assert client.register("crm/contacts-value", text) is True
        assert client.register("crm/contacts-value", text) is False
        registry.refuses = True
        with pytest.raises(RegistryRefused, match=r"does not take other: 409 .*compatible"):
            client.register("other", text)
    assert list(registry.subjects.values()) == [[1]]


def test_without_the_right_password_nothing_is_said(registry: Registry):
    registry.credentials = "user:pw"
    with closing(SchemaRegistry(registry.address, auth="user:no")) as client:
        with pytest.raises(RegistryAway, match="401 Unauthorized"):
            client.schema(SchemaName(id=1))
        with pytest.raises(RegistryAway, match="401 Unauthorized"):
            client.register("s", "{}")


@pytest.mark.parametrize(
    ("address", "auth", "why"),
    [
        ("registry:8081", None, "write http://host:8081"),
        ("http://u:p@registry", None, "SCHEMA_REGISTRY_AUTH"),
        ("http://[::1", None, "SCHEMA_REGISTRY"),
        ("http://registry", "user", "write user:password"),
    ],
)
def test_an_address_that_cannot_be_is_refused(address: str, auth: str | None, why: str):
    with pytest.raises(UnusableRegistry, match=why):
        SchemaRegistry(address, auth=auth)
