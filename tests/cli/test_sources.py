"""`pipeline sources try`, and our schemas in a registry by `topics apply`."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Final

import pytest
import yaml

from pipeline.resources import TOPICS_FILE
from tests.cli.command import UNREACHABLE, Shell
from tests.kafka.broker_clients import make_topic
from tests.kafka.registry_server import CONTACT, avro, running_registry, written_by_id
from tests.kafka_broker import SessionBroker
from tests.running_pipeline import RunningPipeline

EVENT: Final = {
    "account": {"field": "tenant"},
    "type": {"header": "kind"},
    "subject": {"field": "id"},
    "time": {"field": "changed_at"},
}


def topics_file(folder: Path, topic: str, form: str = "auto") -> str:
    document = yaml.safe_load(TOPICS_FILE.read_bytes())
    document["sources"].append({"topic": topic, "format": form, "event": EVENT})
    path = folder / "topics.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    return str(path)


@pytest.fixture
def trying(bare_shell: Shell) -> Shell:
    """Of a pipeline without Kafka."""
    file = topics_file(bare_shell.folder, "crm.contacts")
    return Shell(bare_shell.folder, {**bare_shell.environment, "PIPELINE_KAFKA__TOPICS_FILE": file})


def test_samples_are_shown_as_the_events_that_they_become_or_why_not(trying: Shell):
    good = {"tenant": "shop", "id": 7, "changed_at": "2026-03-02T11:00:00Z"}
    trying.write("samples.jsonl", f"{json.dumps(good)}\n\n{json.dumps({**good, 'id': []})}\n")
    command = ("sources", "try", "samples.jsonl", "--topic", "crm.contacts")
    told = trying.run(*command, "--header", "kind=contact.changed")
    assert told.status == 1
    assert told.error_lines == ["1 of 2 records are no events"]
    first, *members, second = told.lines
    assert first == "samples.jsonl:1: contact.changed of account shop"
    assert [line.split() for line in members[1:3]] == [
        ["subject", "7"],
        ["time", "2026-03-02T11:00:00.000Z"],
    ]
    assert second == (
        "samples.jsonl:3: no event: subject: the field id is neither text nor a whole number"
    )
    told = trying.run(*command, "--json")
    assert {json.loads(line)["problem"] for line in told.lines} == {
        "type: the header kind is not there, or null"
    }


def test_a_producers_avro_is_tried_with_the_registry_that_is_set(trying: Shell):
    content = avro(CONTACT, {"tenant": "shop", "id": 7, "changed_at": 0, "name": "Ada"})
    with running_registry(credentials="user:pw") as registry:
        number = registry.add(CONTACT)
        command = ("sources", "try", "-", "--topic", "crm.contacts", "--header", "kind=t", "--json")
        asked = {
            "PIPELINE_KAFKA__SCHEMA_REGISTRY": registry.address,
            "PIPELINE_KAFKA__SCHEMA_REGISTRY_AUTH": "user:pw",
        }
        told = trying.run(*command, stdin=written_by_id(number, content), **asked)
        assert (told.status, told.err) == (0, "")
        assert json.loads(told.json["event"]["data"])["name"] == "Ada"
        unknown = trying.run(*command, stdin=written_by_id(9, content), **asked)
        assert unknown.status == 1
        assert "id 9: the schema registry does not know it" in unknown.json["problem"]
        registry.away = 503
        away = trying.run(*command, stdin=written_by_id(number, content), **asked)
    assert away.status == 1
    assert "the schema registry does not answer" in away.err
    unset = trying.run(*command, stdin=written_by_id(number, content))
    assert "none is configured" in unset.json["problem"]


def test_what_cannot_be_tried_is_refused(trying: Shell):
    wrong = {
        "did you mean crm.contacts?": ("x.json", "--topic", "crm.contact"),
        "give either files": ("--topic", "crm.contacts"),
        "files (- for standard input)": ("x", "--newest", "2", "--topic", "crm.contacts"),
        "--header is for": ("--newest", "2", "--topic", "crm.contacts", "--header", "a=b"),
        "write NAME=VALUE": ("x.json", "--topic", "crm.contacts", "--header", "a"),
        "x.json: No such file": ("x.json", "--topic", "crm.contacts"),
    }
    ended = trying.run_together([("sources", "try", *arguments) for arguments in wrong.values()])
    for why, one in zip(wrong, ended, strict=True):
        assert (one.status, one.out) == (2, "")
        assert why in one.err


def test_a_topic_that_needs_a_registry_needs_one_at_the_start(trying: Shell):
    file = topics_file(trying.folder, "crm.contacts", "registry")
    ended = trying.run(
        "topics",
        "plan",
        PIPELINE_KAFKA__TOPICS_FILE=file,
        PIPELINE_KAFKA__BOOTSTRAP_SERVERS=UNREACHABLE,
    )
    assert ended.status == 2
    assert "topics.yaml:" in ended.err
    assert "set PIPELINE_KAFKA__SCHEMA_REGISTRY" in ended.err


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PIPELINE_KAFKA__SCHEMA_REGISTRY", "registry:8081"),
        ("PIPELINE_KAFKA__SCHEMA_REGISTRY", "http://user:pw@registry:8081"),
        ("PIPELINE_KAFKA__SCHEMA_REGISTRY_AUTH", "user"),
    ],
)
def test_a_registry_setting_that_cannot_be_is_refused_by_its_name(
    trying: Shell, name: str, value: str
):
    ended = trying.run("topics", "plan", **{name: value})
    assert ended.status == 2
    assert ended.err.startswith(f"{name}: write ")
    assert "pw@" not in ended.err


def test_the_newest_records_of_a_topic_are_tried_and_stay(
    pipeline: RunningPipeline, shell: Shell, tmp_path: Path
):
    topic = f"crm.{uuid.uuid4().hex[:10]}"
    make_topic(pipeline.bootstrap_servers, topic)
    for number in range(5):
        value = json.dumps({"tenant": "shop", "id": number}).encode()
        pipeline.producer.produce(topic, value, headers={"kind": b"t"})
    assert pipeline.producer.flush(30) == 0
    command = ("sources", "try", "--topic", topic, "--newest", "2", "--json")
    for _ in range(2):
        told = shell.run(*command, PIPELINE_KAFKA__TOPICS_FILE=topics_file(tmp_path, topic))
        assert (told.status, told.err) == (0, "")
        tried = [json.loads(line) for line in told.lines]
        assert [one["place"] for one in tried] == [f"{topic}/0/3", f"{topic}/0/4"]
        assert [one["event"]["subject"] for one in tried] == ["3", "4"]


def test_topics_apply_registers_our_schemas_once(broker: SessionBroker, tmp_path: Path):
    prefix = f"t{uuid.uuid4().hex[:10]}."
    with running_registry() as registry:
        shell = Shell(
            tmp_path,
            {
                "PIPELINE_KAFKA__BOOTSTRAP_SERVERS": broker.bootstrap_servers,
                "PIPELINE_KAFKA__TOPIC_PREFIX": prefix,
                "PIPELINE_KAFKA__SCHEMA_REGISTRY": registry.address,
            },
        )
        first = shell.run("topics", "apply", "--json")
        assert first.status == 0, first.err
        assert sorted(first.json["registered"]) == sorted(registry.subjects)
        assert {f"{prefix}events-value", f"{prefix}dead-letter-value"} <= set(registry.subjects)
        assert shell.run("topics", "apply").lines == ["nothing to do"]
        registry.away = 503
        away = shell.run("topics", "apply")
    assert away.status == 1
    assert "the topics are done, their schemas are not registered" in away.err


def test_without_a_registry_nothing_is_registered(bare_shell: Shell):
    ended = bare_shell.run("topics", "apply", PIPELINE_KAFKA__BOOTSTRAP_SERVERS=UNREACHABLE)
    assert ended.status == 1
    assert "registr" not in ended.err
