"""The producer's own queue is full while the brokers answer nothing: nothing falls beside it."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager

import psutil
import pytest

from pipeline.adapters.embedded_kafka.broker import EmbeddedKafka
from pipeline.domain.endpoint import Account, Endpoint, RetryPolicy
from tests.faults.conftest import OwnBroker
from tests.faults.whereabouts import number_in, whereabouts
from tests.receiver import Answer, Receiver, Request
from tests.running_pipeline import RunningPipeline, eventually

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]

FEW = json.dumps({"queue.buffering.max.messages": "20"})
"""So many records fit into librdkafka's queue."""
FROZEN_SECONDS = 4.0
"""Less than a session: nobody loses his work."""
MOST_BYTES = 230 * 1024 * 1024
"""Of a process: 150 MiB measured where 300 MB were to be written."""


@contextmanager
def _frozen(kafka: EmbeddedKafka) -> Generator[None]:
    assert kafka.pid is not None
    os.kill(kafka.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(kafka.pid, signal.SIGCONT)


def _most_memory_bytes(pipeline: RunningPipeline, stage: str) -> int:
    """What it takes at most, while the time passes for which the brokers are frozen."""
    process = psutil.Process(pipeline.processes[(stage, 0)].pid)
    most, passes = 0, threading.Event()
    for _ in range(20):
        passes.wait(FROZEN_SECONDS / 20)
        most = max(most, process.memory_info().rss)
    return most


@pytest.mark.soak
def test_a_router_whose_queue_is_full_loses_nothing_and_keeps_little_in_memory(
    own_broker: OwnBroker, receiver: Receiver
) -> None:
    kafka, pipeline = own_broker.kafka, own_broker.pipeline
    endpoints, events, filler = 100, 300, "x" * 10_000
    pipeline.put_account(Account("full", "twelve-twenty"))
    shared = pipeline.topology.shared_delivery
    for number in range(endpoints):
        name = f"full{number}"
        url = receiver.url(f"/{name}")
        pipeline.put_endpoint(Endpoint(name, "full", "twelve-twenty", shared, url=url))
    pipeline.publish(
        {"account": "full", "type": "made", "id": f"f{n}", "data": {"n": n, "x": filler}}
        for n in range(events)
    )
    # Its deliveries have 300 MB altogether; of what waits to be written it may keep 64 MiB.
    pipeline.start("router", PIPELINE_KAFKA__OPTIONS=FEW)
    eventually(lambda: pipeline.health("router").get("unfinished", 0) > events // 2)
    with _frozen(kafka):
        most_bytes = _most_memory_bytes(pipeline, "router")
        assert pipeline.health("router")["unfinished"] > 0, "it was done before the brokers froze"
    assert most_bytes < MOST_BYTES
    topic = pipeline.topology.events
    eventually(lambda: sum(pipeline.committed("router", topic).values()) == events, seconds=60)
    found = Counter(
        (delivery.endpoint, number_in(delivery.body)) for delivery in pipeline.deliveries(shared)
    )
    assert set(found) == {(f"full{e}", n) for e in range(endpoints) for n in range(events)}
    assert found.total() == len(found), "no stage died, so nothing is repeated"


@pytest.mark.soak
def test_a_sender_whose_queue_is_full_loses_no_retry_and_no_attempt(
    own_broker: OwnBroker, receiver: Receiver
) -> None:
    def refuse_first(request: Request) -> Answer:
        if request.webhook_id in seen:
            return Answer()
        seen.add(request.webhook_id)
        return Answer(425)

    seen: set[str] = set()
    receiver.behaviour = refuse_first
    kafka, pipeline = own_broker.kafka, own_broker.pipeline
    pipeline.settings["PIPELINE_KAFKA__OPTIONS"] = FEW
    events = 600
    pipeline.put_account(Account("full", "twelve-twenty"))
    names = ("full0", "full1", "full2")
    for name in names:
        pipeline.put_endpoint(
            Endpoint(
                name,
                "full",
                "twelve-twenty",
                "",
                url=receiver.url(f"/{name}"),
                retry=RetryPolicy((1_000, 1_000)),
            )
        )
    pipeline.run("router", "sender", "scheduler")
    pipeline.publish(
        {"account": "full", "type": "made", "id": f"f{n}", "data": {"n": n}} for n in range(events)
    )
    receiver.wait_for(events // 2)
    with _frozen(kafka):
        most_bytes = _most_memory_bytes(pipeline, "sender")
        assert len(receiver.accepted) < len(names) * events
    assert most_bytes < MOST_BYTES
    sent = {(name, n) for name in names for n in range(events)}
    found = whereabouts(pipeline, receiver, sent)

    def all_delivered() -> bool:
        nonlocal found
        found = whereabouts(pipeline, receiver, sent)
        return found.adds_up and not found.waiting

    eventually(all_delivered, seconds=90, text=lambda: str(found))
    assert found.dead == {}
    assert found.repeats == 0
    assert len(receiver.requests) == 2 * len(sent)
    attempts = Counter((each.delivery_id, each.attempt) for each in pipeline.attempts())
    assert attempts.total() == len(attempts) == len(receiver.requests)
