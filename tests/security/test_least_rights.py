"""The list of rights against what the brokers were asked for: no more and no less."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.adapters.kafka.cluster import Cluster
from pipeline.domain.delivery import Reason
from pipeline.domain.least_rights import Part, least_rights
from pipeline.domain.rights import Operation, Resource, Right
from pipeline.resources import TOPICS_FILE
from pipeline.wiring.stage_rights import names_of
from tests.running_pipeline import eventually
from tests.security.flow import everything_once
from tests.security.secured_broker import Decision, secured_broker
from tests.security.secured_pipeline import (
    ACCOUNT,
    DELETING,
    OPERATIONS,
    SINCE,
    SecuredPipeline,
    secured_pipeline,
)

_RESOURCES = {"Topic": Resource.TOPIC, "Group": Resource.GROUP, "Cluster": Resource.CLUSTER}


_OF_AN_OUTBOX_LEFT_BEHIND = ("accounts", "profiles", "relations", "jobs", "delivery.")
"""What the recorder publishes where an API ended between a change and its publication."""
_DEDICATED = 5


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_every_right_is_used_and_none_is_wanted_beyond_them(tmp_path: Path):
    folder = tmp_path / "broker"
    folder.mkdir()
    topics = tmp_path / "topics.yaml"
    usual = TOPICS_FILE.read_text()
    topics.write_text(usual.replace("dedicated_limit: 100", f"dedicated_limit: {_DEDICATED}"))
    with (
        secured_broker(folder, logged="debug") as broker,
        secured_pipeline(broker, tmp_path, PIPELINE_KAFKA__TOPICS_FILE=str(topics)) as secured,
    ):
        everything_once(secured)
        _keep_what_was_sent(secured)
        _what_the_rest_of_the_api_does(secured)
        _what_the_shared_topic_sees(secured)
        _what_cannot_be_handled(secured)
        _what_follows_a_crash(secured)
        _what_the_recorder_decides(secured)
        _what_people_do(secured)
        assert broker.denied() == []
        used = broker.decisions()
        unused = [
            f"{part} {operation} {right.name}"
            for part in Part
            for right in least_rights(part, names_of(secured.pipeline.topic_file))
            for operation in right.operations
            if not any(_is_use(one, secured.user(part), right, operation) for one in used)
        ]
        prefix = secured.pipeline.prefix
        left = {
            *(f"recorder {Operation.WRITE} {prefix}{name}" for name in _OF_AN_OUTBOX_LEFT_BEHIND),
            f"recorder {Operation.CREATE} {prefix}delivery.",
            f"scheduler {Operation.WRITE} {prefix}interventions",  # of what is older than a week
        }
        assert sorted(set(unused) - left) == []


def _is_use(one: Decision, user: str, right: Right, operation: Operation) -> bool:
    return (
        one.user == user
        and one.operation == operation.name
        and right.allows(_RESOURCES[one.resource], one.name, operation)
    )


def _keep_what_was_sent(secured: SecuredPipeline) -> None:
    """The scheduler anew, which deletes nothing young."""
    secured.pipeline.stop(Part.SCHEDULER)
    secured.start(Part.SCHEDULER)
    secured.pipeline.wait_ready(Part.SCHEDULER)


def _what_the_rest_of_the_api_does(secured: SecuredPipeline) -> None:
    ask, receiver = secured.ask, secured.receiver
    (letter, *_) = ask("GET", "/v1/deliveries?endpoint=dead")["items"]
    secured.api.get(f"/v1/deliveries/{letter['id']}/raw").raise_for_status()
    secured.make_endpoint("slow", retry={"delays": ["1h"], "jitter": 0})
    for number in range(2):
        ask("POST", "/v1/events", account=ACCOUNT, type="made", id=f"slow-{number}", data={})
    receiver.wait_for(2, path="/slow")
    path = "/v1/deliveries?endpoint=slow"
    eventually(lambda: [each["attempts"] for each in ask("GET", path)["items"]] == [1, 1])
    first, second = (each["id"] for each in ask("GET", path)["items"])
    assert ask("GET", "/v1/endpoints/slow/waiting")["count"] == 2
    ask("POST", f"/v1/deliveries/{first}/retry-now")
    ask("DELETE", f"/v1/deliveries/{second}")
    receiver.wait_for(3, path="/slow")
    eventually(lambda: ask("GET", f"/v1/deliveries/{first}")["status"] == "delivered")
    secured.api.get(f"/v1/deliveries/{first}/raw").raise_for_status()
    ask("POST", f"/v1/deliveries/{first}/trigger")
    ask("POST", "/v1/replays", endpoint="good", since=SINCE, only="undelivered")
    ask("POST", "/v1/profiles", name="own", formats={"nested": {"template": "$.event.data"}})
    ask("POST", "/v1/accounts", id="builder", profile="twelve-build", webhooks_enabled=True)
    ask("PUT", "/v1/accounts/builder/relations/7", star="gold")


def _what_the_shared_topic_sees(secured: SecuredPipeline) -> None:
    """What an endpoint without a topic of its own gets: delivered, retried, shown, triggered."""
    ask = secured.ask
    secured.make_endpoint("gone", event_types=["gone"])  # the last one with a topic of its own
    secured.make_endpoint("flaky-shared", retry={"delays": ["1s"], "jitter": 0})
    assert secured.topics["flaky-shared"] == secured.pipeline.topology.shared_delivery
    ask("POST", "/v1/events", account=ACCOUNT, type="shared", id="s", data={})
    path = "/v1/deliveries?endpoint=flaky-shared&status=delivered"
    eventually(lambda: len(ask("GET", path)["items"]) == 1)
    (sent,) = ask("GET", path)["items"]
    secured.api.get(f"/v1/deliveries/{sent['id']}/raw").raise_for_status()
    ask("POST", f"/v1/deliveries/{sent['id']}/trigger")


def _what_cannot_be_handled(secured: SecuredPipeline) -> None:
    """Garbage for the router and the recorder; a retry of an endpoint that is gone meanwhile."""
    pipeline = secured.pipeline
    for topic in (pipeline.topology.events, pipeline.topology.attempts):
        pipeline.producer.produce(topic, b"no record of ours")
    assert pipeline.producer.flush(30) == 0
    secured.make_endpoint("removed", retry={"delays": ["5s"], "jitter": 0})
    secured.ask("POST", "/v1/events", account=ACCOUNT, type="removed", id="r", data={})
    secured.receiver.wait_for(1, path="/removed")
    secured.ask("DELETE", "/v1/endpoints/removed")
    wanted = {Reason.UNDECODABLE, Reason.ENDPOINT_REMOVED}
    eventually(lambda: wanted <= {each.reason for each in pipeline.dead_letters()})


def _what_follows_a_crash(secured: SecuredPipeline) -> None:
    """A replay goes on where it was; a sender learns what the dead one delivered."""
    for endpoint in ("good", "flaky-shared"):
        path = f"/{endpoint}"
        before = len(secured.receiver.to(path))
        replay = secured.ask("POST", "/v1/replays", endpoint=endpoint, since=SINCE, rate=2)
        secured.receiver.wait_for(before + 1, path=path)
        secured.pipeline.kill(Part.SCHEDULER, Part.SENDER)
        secured.start(Part.SCHEDULER)
        secured.start(Part.SENDER)
        for part in (Part.SCHEDULER, Part.SENDER):
            secured.pipeline.wait_ready(part)
        secured.wait_ended(f"/v1/replays/{replay['id']}")
    secured.pipeline.stop(Part.SCHEDULER)
    secured.start(Part.SCHEDULER, **DELETING)


def _what_people_do(secured: SecuredPipeline) -> None:
    topic = secured.pipeline.topology.attempts
    Cluster(secured.pipeline.connection).change_settings({topic: {"retention.ms": "100000000"}})
    tiers = secured.pipeline.data_dir / "tiers.yaml"
    tiers.write_text(TOPICS_FILE.read_text().replace("tiers: [1s,", "tiers: [1s, 3s,"))
    secured.command("topics", "apply", PIPELINE_KAFKA__TOPICS_FILE=str(tiers))
    secured.ask("DELETE", "/v1/endpoints/dead")
    secured.command("topics", "prune", "--yes", PIPELINE_ARCHIVE__AFTER_DAYS="0.000001")
    secured.command("doctor", "--json")
    secured.command("lag", "--json")
    secured.command("offsets", "show")
    secured.command("dead-letters", "list")


def _what_the_recorder_decides(secured: SecuredPipeline) -> None:
    """It deactivates an endpoint while no API is there to publish it, and tells the operator."""
    secured.ask("POST", "/v1/accounts", id=OPERATIONS)
    secured.pipeline.kill(Part.API)
    secured.produce("g", event_type="gone")
    topology = secured.pipeline.topology
    secured.receiver.wait_for(1, path="/gone")
    for topic, text in ((topology.endpoints, b"410"), (topology.events, b"endpoint.deactivated")):
        eventually(
            lambda topic=topic, text=text: any(
                text in value for value in secured.pipeline.records(topic)
            ),
            text=lambda topic=topic: topic + secured.pipeline.log(Part.RECORDER),
        )
    secured.start(Part.API)
    secured.pipeline.wait_ready(Part.API)
