"""A schema registry that is away: what needs it waits, the rest goes on, nothing is lost."""

from __future__ import annotations

import json
import re
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest
import yaml

from pipeline.domain.delivery import Reason
from pipeline.domain.endpoint import Account, Endpoint
from pipeline.resources import TOPICS_FILE
from tests.architecture.metric_names import prometheus_names
from tests.kafka.broker_clients import make_topic
from tests.kafka.registry_server import CONTACT, avro, running_registry, written_by_id
from tests.receiver import Receiver
from tests.running_pipeline import RunningPipeline, eventually

ACCOUNT = "registry"
METRIC = re.compile(r"(\w+)(?:\{[^}]*\})? (\S+)")
CONTACTS = 1_200
"""More than one partition's records that may wait in memory."""
OTHERS = 20
UNKNOWN = 99


@pytest.mark.faults
def test_while_the_registry_is_away_its_records_wait_and_others_are_delivered(
    pipeline: RunningPipeline, receiver: Receiver, tmp_path: Path
) -> None:
    topic = f"{pipeline.prefix}crm.contacts"
    make_topic(pipeline.bootstrap_servers, topic)
    pipeline.put_account(Account(ACCOUNT, "timekit"))
    pipeline.put_endpoint(Endpoint("contacts", ACCOUNT, "timekit", "", url=receiver.url()))
    with running_registry() as registry:
        registry.away, number = 503, registry.add(CONTACT)
        pipeline.settings |= {
            "PIPELINE_KAFKA__TOPICS_FILE": str(_topics_file(tmp_path, topic)),
            "PIPELINE_KAFKA__SCHEMA_REGISTRY": registry.address,
        }
        pipeline.run("router", "sender")
        _publish_contacts(pipeline, topic, number)
        pipeline.publish(_other(n) for n in range(OTHERS))
        receiver.wait_for(OTHERS)
        eventually(lambda: registry.asked.count("away") > 2)
        _check_metrics(pipeline)

        pipeline.kill("router")
        pipeline.run("router")
        pipeline.publish(_other(n) for n in range(OTHERS, 2 * OTHERS))
        receiver.wait_for(2 * OTHERS)
        assert len(receiver.requests) == 2 * OTHERS
        assert pipeline.committed("router", topic) == {0: 0}
        assert pipeline.dead_letters() == []

        registry.away = None
        receiver.wait_for(2 * OTHERS + CONTACTS)
        eventually(lambda: pipeline.committed("router", topic) == {0: CONTACTS + 1})
    got = [json.loads(request.body) for request in receiver.requests]
    assert sorted(one["id"] for one in got if "id" in one) == list(range(CONTACTS))
    (dead,) = pipeline.dead_letters()
    assert dead.reason == Reason.UNDECODABLE
    assert f"id {UNKNOWN}: the schema registry does not know it" in (dead.error or "")
    assert dead.source.offset == CONTACTS // 2


def _check_metrics(pipeline: RunningPipeline) -> None:
    """What alerts go by says that something waits, and how long."""
    eventually(lambda: metrics(pipeline, "router")["pipeline_records_behind"] == CONTACTS + 1)
    eventually(lambda: metrics(pipeline, "router")["pipeline_progress_idle_seconds"] > 1)
    router, sender = metrics(pipeline, "router"), metrics(pipeline, "sender")
    assert router["pipeline_records_oldest_age_seconds"] > 1
    assert sender["pipeline_progress_idle_seconds"] < 5
    assert sender["pipeline_endpoints_failing"] == sender["pipeline_endpoints_failing_age_seconds"]
    gauges = {name for name in prometheus_names() if not name.endswith("_total")}
    assert gauges == {name for name in sender if name in gauges}


def metrics(pipeline: RunningPipeline, stage: str) -> dict[str, float]:
    """The gauges of a process."""
    note = json.loads((pipeline.data_dir / "run" / f"{stage}-0.json").read_text())
    with closing(HTTPConnection("127.0.0.1", note["health_port"], timeout=5)) as asked:
        asked.request("GET", "/metrics")
        lines = asked.getresponse().read().decode().splitlines()
    found = (METRIC.fullmatch(line) for line in lines)
    return {match[1]: float(match[2]) for match in found if match}


def _topics_file(folder: Path, topic: str) -> Path:
    document = yaml.safe_load(TOPICS_FILE.read_bytes())
    event = {
        "account": {"field": "tenant"},
        "type": {"value": "booking.changed"},
        "time": {"field": "changed_at"},
    }
    source = {"topic": topic, "format": "registry", "start": "earliest", "event": event}
    document["sources"].append(source)
    path = folder / "topics.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def _publish_contacts(pipeline: RunningPipeline, topic: str, number: int) -> None:
    for contact in range(CONTACTS):
        if contact == CONTACTS // 2:
            pipeline.producer.produce(topic, written_by_id(UNKNOWN, b"\0"))
        fields = {"tenant": ACCOUNT, "id": contact, "changed_at": 0, "name": None}
        pipeline.producer.produce(topic, written_by_id(number, avro(CONTACT, fields)))
        pipeline.producer.poll(0)
    assert pipeline.producer.flush(60) == 0


def _other(number: int) -> dict[str, object]:
    return {
        "account": ACCOUNT,
        "type": "booking.changed",
        "id": f"other-{number}",
        "data": {"n": number},
    }
