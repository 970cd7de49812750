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

TOPIC: Final = "crm.contacts"
WRITTEN_MS: Final = 1_772_449_200_123
LEAST: Final = {"account": {"field": "tenant.id"}, "type": {"header": "kind"}}
HEADERS: Final[list[tuple[str, bytes | None]]] = [("kind", b"contact.changed")]
BODY: Final = b'{ "tenant": {"id": 42}, "n": 1.00 }'


def topics_yaml(folder: Path, mapping: object, form: str = "json") -> Path:
    document = yaml.safe_load(TOPICS_FILE.read_bytes())
    document["sources"] = [
        {"topic": "events"},
        {"topic": TOPIC, "format": form, "event": mapping},
    ]
    path = folder / "topics.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def event_of(
    folder: Path,
    mapping: object,
    value: bytes = BODY,
    headers: list[tuple[str, bytes | None]] = HEADERS,
) -> Event:
    file = read_topic_file(topics_yaml(folder, mapping), Topology())
    record = Record(Partition(TOPIC, 1), 7, None, value, WRITTEN_MS, headers)
    return RecordCodec(SCHEMAS, file.readings).decode_event(record)


def test_members_come_from_where_topics_yaml_says_and_data_stay_as_they_are(folder: Path):
    event = event_of(folder, LEAST)
    assert event == Event(
        f"{TOPIC}/1/7@{WRITTEN_MS}", "contact.changed", "42", WRITTEN_MS * 1000, BODY
    )


def test_every_member_can_be_mapped(folder: Path):
    mapping = {
        "account": {"value": "shop"},
        "type": {"field": "kind"},
        "id": {"field": "meta.id"},
        "subject": {"header": "about"},
        "time": {"field": "at", "unit": "s"},
        "data": {"field": "meta.body"},
    }
    value = b'{"kind":"t","at":-5,"meta":{"id":"e1","body": {"n":1.00} }}'
    event = event_of(folder, mapping, value, [("about", b"a"), ("about", "ä/1".encode())])
    assert event == Event("e1", "t", "shop", -5_000_000, b'{"n":1.00}', "ä/1")


@pytest.mark.parametrize(
    ("unit", "value", "wanted_us"),
    [
        ("ms", b"1772449200123", 1_772_449_200_123_000),
        ("us", b'"1772449200123456"', 1_772_449_200_123_456),
        (None, b'"2026-03-02T11:00:00.123Z"', 1_772_449_200_123_000),
        (None, b"null", WRITTEN_MS * 1000),
    ],
)
def test_times_are_texts_or_numbers_of_a_unit(
    folder: Path, unit: str | None, value: bytes, wanted_us: int
):
    time = {"field": "at"} | ({} if unit is None else {"unit": unit})
    mapping = {"account": {"value": "a"}, "type": {"value": "t"}, "time": time}
    assert event_of(folder, mapping, b'{"at":' + value + b"}").time_us == wanted_us


def test_what_is_optional_and_not_there_is_as_if_it_were_not_mapped(folder: Path):
    mapping = {**LEAST, "id": {"field": "id"}, "subject": {"field": "tenant.name.first"}}
    event = event_of(folder, mapping)
    assert (event.id, event.subject) == (f"{TOPIC}/1/7@{WRITTEN_MS}", None)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (b'{"tenant":{}}', "account: the field tenant.id is not there, or null"),
        (b'{"tenant":{"id":null}}', "account: the field tenant.id is not there, or null"),
        (b'{"tenant":null}', "account: the field tenant.id is not there, or null"),
        (b'{"tenant":[1]}', "account: the field tenant: not an object"),
        (b'{"tenant":{"id":1.5}}', "account: the field tenant.id is neither text nor a whole"),
        (b'{"tenant":{"id":"a b"}}', "account: use an account's id"),
        (b'{"tenant":', "the record: not JSON"),
        (b'{"tenant":{"id":"\xff"}}', "not UTF-8"),
        (b'{"tenant":' * 100_000, "nested too deep|not JSON"),
    ],
)
def test_what_cannot_be_mapped_says_which_member_and_where(folder: Path, value: bytes, why: str):
    with pytest.raises(Undecodable, match=why):
        event_of(folder, LEAST, value)


def test_a_header_that_is_not_there_or_no_text_is_said(folder: Path):
    with pytest.raises(Undecodable, match="type: the header kind is not there"):
        event_of(folder, LEAST, headers=[])
    with pytest.raises(Undecodable, match="type: the header kind is not UTF-8"):
        event_of(folder, LEAST, headers=[("kind", b"\xff")])


def test_a_time_without_its_unit_is_said(folder: Path):
    with pytest.raises(Undecodable, match="time: "):
        event_of(folder, {**LEAST, "time": {"field": "n"}}, b'{"tenant":{"id":1},"n":17}')
    time = {"field": "n", "unit": "ms"}
    with pytest.raises(Undecodable, match="unit ms"):
        event_of(folder, {**LEAST, "time": time}, b'{"tenant":{"id":1},"n":"now"}')


@pytest.mark.parametrize(
    ("mapping", "at", "why"),
    [
        ({"type": {"value": "t"}}, "event:", "account: missing"),
        ({**LEAST, "acount": 1}, "acount:", "unknown field: did you mean account"),
        ({**LEAST, "type": "t"}, "type:", "give an object"),
        ({**LEAST, "type": {}}, "type:", "give one of field"),
        ({**LEAST, "type": {"field": "a", "header": "b"}}, "type:", "give one of field"),
        ({**LEAST, "type": {"feild": "a"}}, "feild:", "did you mean field"),
        ({**LEAST, "type": {"field": "a..b"}}, "field: a..b", "names with dots"),
        ({**LEAST, "type": {"field": ".".join("a" * 17)}}, "field: a.a", "at most 16"),
        ({**LEAST, "type": {"value": ""}}, "value: ''", "1-256 characters"),
        ({**LEAST, "id": {"value": "x"}}, "id:", "would have the same"),
        ({**LEAST, "time": {"value": "x"}}, "time:", "would have the same"),
        ({**LEAST, "time": {"field": "x", "unit": "min"}}, "unit:", "'min'"),
        ({**LEAST, "data": {"header": "x"}}, "data:", "give a field"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused_with_its_line(
    folder: Path, mapping: dict[str, Any], at: str, why: str
):
    path = topics_yaml(folder, mapping)
    lines = [number for number, line in enumerate(path.read_text().splitlines(), 1) if at in line]
    with pytest.raises(TopicFileError, match=why) as caught:
        read_topic_file(path, Topology())
    assert any(f"topics.yaml:{line}:" in str(caught.value) for line in lines), str(caught.value)


def test_records_that_say_themselves_what_they_are_cannot_be_mapped(folder: Path):
    with pytest.raises(TopicFileError, match="avro says itself"):
        read_topic_file(topics_yaml(folder, LEAST, "avro"), Topology())


def test_other_topics_are_read_as_ever(folder: Path):
    file = read_topic_file(topics_yaml(folder, LEAST), Topology())
    value = json.dumps({"account": "a", "type": "t", "data": 1}).encode()
    record = Record(Partition("webhooks.events", 0), 0, None, value, WRITTEN_MS)
    assert RecordCodec(SCHEMAS, file.readings).decode_event(record).account == "a"
