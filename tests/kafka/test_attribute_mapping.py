"""CloudEvents whose account, type, subject or time is in another attribute: both Kafka bindings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from pipeline.adapters.kafka.codec import RecordCodec
from pipeline.adapters.kafka.topic_file import TopicFileError, read_topic_file
from pipeline.domain.event import Event
from pipeline.domain.topology import Topology
from pipeline.flow import Partition, Record
from pipeline.ports import Undecodable
from pipeline.resources import TOPICS_FILE
from tests.kafka.record_values import SCHEMAS

TOPIC: Final = "shop.orders"
WRITTEN_MS: Final = 1_772_449_200_123
ATTRIBUTES: Final = {
    "specversion": "1.0",
    "id": "A-1",
    "source": "/shop",
    "type": "com.example.order.created",
    "tenantid": "acme",
    "orderkey": "order/7",
    "occurredat": "2026-03-02T12:00:00+01:00",
    "region": "eu",
}
DATA: Final = b'{"tenant": {"id": 42}, "n": 1.00}'
MAPPING: Final[dict[str, Any]] = {
    "account": {"attribute": "tenantid"},
    "subject": {"attribute": "orderkey"},
    "time": {"attribute": "occurredat"},
}


def topics_yaml(folder: Path, mapping: object) -> Path:
    document = yaml.safe_load(TOPICS_FILE.read_bytes())
    document["sources"] = [
        {"topic": "events"},
        {"topic": TOPIC, "format": "cloudevents", "event": mapping},
    ]
    path = folder / "topics.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    return path


def binary(**attributes: str) -> Record:
    headers: list[tuple[str, bytes | None]] = [
        (f"ce_{name}", text.encode()) for name, text in {**ATTRIBUTES, **attributes}.items()
    ]
    headers += [("content-type", b"application/json"), ("x-tenant", b"of-the-header")]
    return Record(Partition(TOPIC, 0), 7, None, DATA, WRITTEN_MS, headers)


def structured(**attributes: str) -> Record:
    members = ", ".join(
        f"{json.dumps(name)}: {json.dumps(text)}"
        for name, text in {**ATTRIBUTES, **attributes}.items()
    )
    value = b'{%b, "data": %b}' % (members.encode(), DATA)
    headers: list[tuple[str, bytes | None]] = [
        ("content-type", b"application/cloudevents+json; charset=UTF-8"),
        ("x-tenant", b"of-the-header"),
    ]
    return Record(Partition(TOPIC, 0), 7, None, value, WRITTEN_MS, headers)


BINDINGS: Final = pytest.mark.parametrize("binding", [binary, structured])


def event_of(folder: Path, mapping: object, record: Record) -> Event:
    file = read_topic_file(topics_yaml(folder, mapping), Topology())
    return RecordCodec(SCHEMAS, file.readings).decode_event(record)


@BINDINGS
def test_members_come_from_the_attributes_that_topics_yaml_names(tmp_path: Path, binding: Any):
    assert event_of(tmp_path, MAPPING, binding()) == Event(
        id="/shop A-1",
        type="com.example.order.created",
        account="acme",
        time_us=1_772_449_200_000_000,
        data=DATA,
        subject="order/7",
        metadata={"source": "/shop", "region": "eu"},
    )


@BINDINGS
@pytest.mark.parametrize(
    ("origin", "account"),
    [
        ({"header": "x-tenant"}, "of-the-header"),
        ({"field": "tenant.id"}, "42"),
        ({"value": "everybody"}, "everybody"),
    ],
)
def test_an_account_comes_from_a_header_from_the_data_or_is_fixed(
    tmp_path: Path, binding: Any, origin: dict[str, str], account: str
):
    event = event_of(tmp_path, {"account": origin}, binding())
    assert (event.account, event.data) == (account, DATA)


@BINDINGS
def test_what_is_not_mapped_stays_its_own_attribute(tmp_path: Path, binding: Any):
    event = event_of(tmp_path, {"type": {"attribute": "region"}}, binding(account="own"))
    assert (event.account, event.type) == ("own", "eu")
    assert event.subject is None
    assert event.time_us == WRITTEN_MS * 1000
    assert event.metadata["tenantid"] == "acme"  # whatever becomes no member stays to be read
    assert event.metadata["type"] == "com.example.order.created"


@BINDINGS
@pytest.mark.parametrize(
    ("mapping", "why"),
    [
        ({"account": {"attribute": "nobody"}}, "account: the attribute nobody is missing"),
        ({"account": {"field": "tenant.no"}}, "account: the data's field tenant.no is missing"),
        ({"account": {"header": "none"}}, "account: the header none is missing"),
        ({**MAPPING, "time": {"attribute": "region"}}, "time: not a time"),
        ({}, "account: the attribute is missing or empty"),
    ],
)
def test_what_is_not_there_is_named(tmp_path: Path, binding: Any, mapping: object, why: str):
    with pytest.raises(Undecodable, match=why):
        event_of(tmp_path, mapping, binding())


@pytest.mark.parametrize(
    ("mapping", "at", "why"),
    [
        ({"account": {"attribute": "ce_tenant"}}, "ce_tenant", "without ce_"),
        ({"account": {"attribute": "Tenant"}}, "Tenant", "small letters"),
        ({"account": {"attribute": "a", "field": "b"}}, "account:", "give one of attribute"),
        ({"account": {}}, "account:", "give one of"),
        ({"acount": {"attribute": "a"}}, "acount:", "did you mean account"),
        ({"time": {"value": "2026-03-02T11:00:00Z"}}, "time:", "would have the same"),
        ({"id": {"attribute": "a"}}, "id:", "unknown field"),
        ({"data": {"field": "a"}}, "data:", "unknown field"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused_with_its_line(
    tmp_path: Path, mapping: object, at: str, why: str
):
    path = topics_yaml(tmp_path, mapping)
    lines = [number for number, line in enumerate(path.read_text().splitlines(), 1) if at in line]
    with pytest.raises(TopicFileError, match=why) as caught:
        read_topic_file(path, Topology())
    assert any(f"topics.yaml:{line}:" in str(caught.value) for line in lines), str(caught.value)
