"""Against a real registry, Apicurio, by the API that Confluent documents.

It knows no schemas by GUID: that version of the wire format is tried in `test_schema_registry.py`.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from pipeline.adapters.kafka import schema_loading
from pipeline.adapters.kafka.schema_registry import (
    RegistryAway,
    RegistryRefused,
    SchemaRegistry,
)
from pipeline.adapters.kafka.wire_format import SCHEMA_HEADER, SchemaName
from pipeline.ports import Undecodable
from tests.kafka.apicurio import Apicurio, running_apicurio
from tests.kafka.record_values import SCHEMAS_FOLDER
from tests.kafka.registry_reading import ADA, reading
from tests.kafka.registry_server import CONTACT, written_by_id

pytestmark = pytest.mark.soak

INNER: Final[dict[str, Any]] = {
    "type": "record",
    "name": "Id",
    "namespace": "crm",
    "fields": [{"name": "n", "type": "int"}],
}
OUTER: Final[dict[str, Any]] = {
    "type": "record",
    "name": "R",
    "fields": [{"name": "id", "type": "crm.Id"}],
}


@pytest.fixture(scope="module")
def apicurio(tmp_path_factory: pytest.TempPathFactory) -> Generator[Apicurio]:
    with running_apicurio(tmp_path_factory.mktemp("apicurio")) as running:
        yield running


async def test_a_record_that_names_its_schema_becomes_an_event(apicurio: Apicurio):
    name = written_by_id(apicurio.add("crm.contacts-value", json.dumps(CONTACT)), b"")
    async with reading(apicurio.address) as reader:
        by_value = await reader.event(name + ADA)
        assert (by_value.account, by_value.type, by_value.subject) == (
            "shop",
            "contact.changed",
            "7",
        )
        assert by_value == await reader.event(ADA, headers=[(SCHEMA_HEADER, name)])


async def test_a_schema_that_refers_to_others_is_read_with_them(apicurio: Apicurio):
    apicurio.add("crm.Id", json.dumps(INNER))
    reference = {"name": "crm.Id", "subject": "crm.Id", "version": 1}
    number = apicurio.add("r-value", json.dumps(OUTER), references=[reference])
    with closing(SchemaRegistry(apicurio.address)) as client:
        assert client.schema(SchemaName(id=number)).json_of(b"\2") == b'{"id":{"n":1}}'


async def test_an_id_that_it_does_not_know_is_no_event(
    apicurio: Apicurio, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(schema_loading, "SURE_SECONDS", 0.05)
    async with reading(apicurio.address) as reader:
        with pytest.raises(Undecodable, match="the schema registry does not know it"):
            await reader.event(written_by_id(999_999, ADA))


@pytest.mark.parametrize("name", sorted(path.name for path in SCHEMAS_FOLDER.glob("*.avsc")))
def test_our_schemas_are_registered_once(apicurio: Apicurio, name: str):
    text = (SCHEMAS_FOLDER / name).read_text()
    with closing(SchemaRegistry(apicurio.address)) as client:
        assert client.register(f"{name}-value", text) is True
        assert client.register(f"{name}-value", text) is False


def test_what_it_does_not_take_is_told(apicurio: Apicurio):
    with (
        closing(SchemaRegistry(apicurio.address)) as client,
        pytest.raises(RegistryRefused, match="does not take broken-value"),
    ):
        client.register("broken-value", '{"type": "record"}')


def test_one_that_has_ended_is_away(tmp_path: Path):
    with running_apicurio(tmp_path) as ended:
        number = ended.add("crm.contacts-value", json.dumps(CONTACT))
    with closing(SchemaRegistry(ended.address)) as client, pytest.raises(RegistryAway):
        client.schema(SchemaName(id=number))
