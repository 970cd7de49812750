"""What goes wrong with consumers and producers of Kafka elsewhere, one test for each trap."""

from __future__ import annotations

import json
import os
import signal

import pytest
from confluent_kafka import Producer

from pipeline.adapters.kafka.cluster import Cluster
from pipeline.domain.delivery import Reason
from pipeline.domain.endpoint import Account, Endpoint, RetryPolicy
from tests.faults.conftest import OwnBroker
from tests.faults.counting import count
from tests.receiver import Answer, Receiver
from tests.running_pipeline import RunningPipeline, eventually

pytestmark = [pytest.mark.faults, pytest.mark.timeout(150)]


def _endpoint(pipeline: RunningPipeline, receiver: Receiver, **fields: object) -> Endpoint:
    pipeline.put_account(Account("traps", "twelve-twenty"))
    endpoint = Endpoint("traps-ep", "traps", "twelve-twenty", "", url=receiver.url("/"), **fields)  # pyright: ignore[reportArgumentType] - fields of an endpoint
    return pipeline.put_endpoint(endpoint)


def _events(first: int, end: int) -> list[dict[str, object]]:
    return [
        {"account": "traps", "type": "made", "id": f"t{n}", "data": {"n": n}}
        for n in range(first, end)
    ]


def _nothing_is_missing(pipeline: RunningPipeline, receiver: Receiver, *, sent: int) -> None:
    eventually(
        lambda: not count(pipeline, receiver, "traps", sent=sent).missing,
        seconds=60,
        text=lambda: str(count(pipeline, receiver, "traps", sent=sent)),
    )


@pytest.mark.soak
def test_a_retry_that_the_brokers_never_had_does_not_count_as_written(
    own_broker: OwnBroker, receiver: Receiver
) -> None:
    kafka, pipeline = own_broker.kafka, own_broker.pipeline
    receiver.behaviour = lambda _: Answer(503, delay_seconds=2.0)
    _endpoint(pipeline, receiver, retry=RetryPolicy((1_000,) * 5))
    pipeline.run("router", "sender", "scheduler")
    pipeline.publish(_events(0, 1))
    receiver.wait_for(1)
    # The answer comes while the brokers hear nothing: a retry is produced, never acknowledged.
    assert kafka.pid is not None
    os.kill(kafka.pid, signal.SIGSTOP)
    try:
        eventually(lambda: not receiver.open_now)
        pipeline.kill("sender")
    finally:
        os.kill(kafka.pid, signal.SIGCONT)
    receiver.behaviour = lambda _: Answer()
    pipeline.start("sender")
    _nothing_is_missing(pipeline, receiver, sent=1)


def test_a_dead_letter_that_cannot_be_written_commits_nothing(
    pipeline: RunningPipeline, receiver: Receiver
) -> None:
    receiver.behaviour = lambda _: Answer(400)
    topic = _endpoint(pipeline, receiver, retry=RetryPolicy(())).topic
    letters = pipeline.topology.dead_letter
    cluster = Cluster(pipeline.connection)
    cluster.change_settings({letters: {"max.message.bytes": "100"}})
    pipeline.run("router", "sender")
    pipeline.publish(_events(0, 3))
    eventually(lambda: "does not take a record" in pipeline.log("sender"))
    assert not sum(pipeline.committed("sender", topic).values())
    cluster.change_settings({letters: {"max.message.bytes": str(6 * 1024 * 1024)}})
    eventually(lambda: len(pipeline.dead_letters()) >= 3, seconds=60)
    assert {letter.reason for letter in pipeline.dead_letters()} == {Reason.EXHAUSTED}
    eventually(lambda: sum(pipeline.committed("sender", topic).values()) == 3)


def test_markers_of_transactions_are_no_records_and_no_gaps(
    pipeline: RunningPipeline, receiver: Receiver
) -> None:
    _endpoint(pipeline, receiver)
    pipeline.run("router", "sender")
    producer = Producer({**pipeline.connection, "transactional.id": f"{pipeline.prefix}traps"})
    producer.init_transactions(30)
    wanted: set[int] = set()
    for batch in range(10):
        producer.begin_transaction()
        for number in range(batch * 5, batch * 5 + 5):
            (event,) = _events(number, number + 1)
            producer.produce(pipeline.topology.events, json.dumps(event).encode(), b"traps")
        assert producer.flush(30) == 0
        if batch % 3 == 2:
            producer.abort_transaction(30)
        else:
            producer.commit_transaction(30)
            wanted |= set(range(batch * 5, batch * 5 + 5))
    eventually(lambda: count(pipeline, receiver, "traps", sent=50).accepted == wanted)
    end = 50 + 10  # every record and every transaction's marker has an offset
    eventually(
        lambda: sum(pipeline.committed("router", pipeline.topology.events).values()) == end,
        text=lambda: str(pipeline.committed("router", pipeline.topology.events)),
    )


def test_what_was_produced_before_a_topic_was_first_read_is_read(
    pipeline: RunningPipeline, receiver: Receiver
) -> None:
    _endpoint(pipeline, receiver)
    pipeline.run("router")
    pipeline.publish(_events(0, 100))
    topic = pipeline.topology.delivery("traps-ep")
    eventually(lambda: len(pipeline.records(topic)) == 100)
    pipeline.run("sender")
    _nothing_is_missing(pipeline, receiver, sent=100)


@pytest.mark.soak
def test_headers_do_not_grow_from_hop_to_hop(pipeline: RunningPipeline, receiver: Receiver) -> None:
    receiver.behaviour = lambda _: Answer(503 if len(receiver.requests) <= 4 else 204)
    endpoint = _endpoint(pipeline, receiver, retry=RetryPolicy((1_000,) * 6))
    pipeline.run()
    pipeline.publish(_events(0, 1))
    _nothing_is_missing(pipeline, receiver, sent=1)
    sizes = {len(value) for value in pipeline.records(endpoint.topic)}
    assert len(pipeline.records(endpoint.topic)) == 5
    assert max(sizes) - min(sizes) <= 16, "attempt, first attempt and due time alone"
    sent = [len(request.headers) for request in receiver.requests]
    assert len(set(sent)) == 1
