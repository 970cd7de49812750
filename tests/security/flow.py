"""All that a pipeline does for an installation, once, from the first endpoint to the janitor."""

from __future__ import annotations

from pipeline.adapters.kafka.inquiry import Inquiry
from pipeline.domain.least_rights import Part
from pipeline.flow import Partition
from tests.running_pipeline import eventually
from tests.security.secured_pipeline import (
    ACCOUNT,
    DELETING,
    PROCESSES,
    SINCE,
    SecuredPipeline,
)


def everything_once(secured: SecuredPipeline) -> None:
    """Start every stage as its own user; they go on running."""
    pipeline, receiver = secured.pipeline, secured.receiver
    for part in PROCESSES:
        secured.start(part, **(DELETING if part is Part.SCHEDULER else {}))
    for part in PROCESSES:
        pipeline.wait_ready(part)
    secured.ask("POST", "/v1/accounts", id=ACCOUNT)
    secured.make_endpoint("good")
    secured.make_endpoint("flaky", retry={"delays": ["1s"], "jitter": 0})
    secured.make_endpoint("dead", retry={"delays": []})
    secured.ask("POST", "/v1/events", account=ACCOUNT, type="made", id="by-api", data={})
    secured.produce("by-kafka")
    receiver.wait_for(2, path="/good")
    receiver.wait_for(4, path="/flaky")
    eventually(lambda: len(pipeline.dead_letters()) == 2)
    replay = secured.ask("POST", "/v1/replays", endpoint="good", since=SINCE)
    redrive = secured.ask("POST", "/v1/dead-letters/redrive", endpoint="dead")
    assert secured.wait_ended(f"/v1/replays/{replay['id']}")["sent"] == 2
    assert secured.wait_ended(f"/v1/dead-letters/redrive/{redrive['id']}")["sent"] == 2
    receiver.wait_for(4, path="/good")
    receiver.wait_for(4, path="/dead")
    _wait_deleted(secured)
    eventually(lambda: len(secured.ask("GET", "/v1/deliveries?status=dead")["items"]) >= 4)


def _wait_deleted(secured: SecuredPipeline) -> None:
    """Until the janitor has deleted from a tier and from a delivery topic."""
    inquiry = Inquiry(secured.pipeline.connection)
    tiers = [Partition(secured.pipeline.topology.retry("1s"), number) for number in range(2)]
    own = [Partition(secured.topics[name], 0) for name in ("good", "dead")]

    def firsts(partitions: list[Partition]) -> int:
        return sum(bounds.first for bounds in inquiry.bounds(partitions).values())

    eventually(lambda: firsts(tiers) >= 2 and firsts(own) >= 8, text=secured.logs)
