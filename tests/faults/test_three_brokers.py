"""A cluster of three: brokers are restarted one by one under load, then one is lost for good."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from pipeline.domain.endpoint import Account, Endpoint, Order
from tests.faults.kafka_nodes import REPLICAS, KafkaNode, fewest_in_sync
from tests.faults.random_rounds import expected, out_of_order
from tests.faults.whereabouts import Whereabouts, number_in, whereabouts
from tests.receiver import Answer, Receiver
from tests.running_pipeline import RunningPipeline, eventually, running_pipeline

ENDPOINTS = ["own", "shared", "strict"]
BATCH = 20
PAUSE_SECONDS = 0.2


@dataclass
class Load:
    """Events that keep coming, in order, until it is stopped."""

    pipeline: RunningPipeline
    sent: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self.ended.wait(PAUSE_SECONDS):
            self.pipeline.publish(
                {"account": "three", "type": "made", "id": f"e{n}", "data": {"n": n}}
                for n in range(self.sent, self.sent + BATCH)
            )
            self.sent += BATCH


@contextmanager
def _load(pipeline: RunningPipeline) -> Generator[Load]:
    load = Load(pipeline)
    thread = threading.Thread(target=load.run, daemon=True)
    thread.start()
    try:
        yield load
    finally:
        load.ended.set()
        thread.join(60)


@pytest.mark.faults
@pytest.mark.soak
@pytest.mark.timeout(900)
def test_nothing_is_missing_after_a_rolling_restart_and_the_loss_of_one_broker(
    nodes: list[KafkaNode], receiver: Receiver, tmp_path: Path
) -> None:
    receiver.behaviour = lambda _: Answer(delay_seconds=0.005)
    servers = ",".join(node.listeners.bootstrap_servers for node in nodes)
    with running_pipeline(servers, tmp_path / "pipeline") as pipeline:
        _put_endpoints(pipeline, receiver)
        assert set(_replicas(servers).values()) == {REPLICAS}
        pipeline.run()
        admin = AdminClient({"bootstrap.servers": servers})
        with _load(pipeline) as load:
            receiver.wait_for(10)
            for node in nodes:
                node.stop()
                _wait_for_more(receiver, f"without node {node.number}")
                node.start()
                node.wait_until_ready()
                eventually(lambda: fewest_in_sync(admin) == REPLICAS, seconds=120)
            nodes[1].kill()
            _wait_for_more(receiver, "after the loss of node 2")
        found = _all_delivered(pipeline, receiver, load.sent)
        print(found)  # noqa: T201 - shown with -s
        assert found.missing == set()
        assert found.dead == {}
        assert found.repeats == 0
        assert out_of_order(receiver, "strict", number_in) == []
        assert all(process.poll() is None for process in pipeline.processes.values())


def _put_endpoints(pipeline: RunningPipeline, receiver: Receiver) -> None:
    pipeline.put_account(Account("three", "twelve-twenty"))
    for name in ENDPOINTS:
        pipeline.put_endpoint(
            Endpoint(
                name,
                "three",
                "twelve-twenty",
                pipeline.topology.shared_delivery if name == "shared" else "",
                url=receiver.url(f"/{name}"),
                order=Order.STRICT if name == "strict" else Order.NONE,
            )
        )


def _wait_for_more(receiver: Receiver, when: str) -> None:
    """Deliveries flow: of every endpoint, three batches more."""
    before = {name: len(receiver.to(f"/{name}")) for name in ENDPOINTS}
    eventually(
        lambda: all(len(receiver.to(f"/{n}")) >= before[n] + 3 * BATCH for n in ENDPOINTS),
        seconds=90,
        text=lambda: f"{when}: {before} -> { ({n: len(receiver.to(f'/{n}')) for n in ENDPOINTS}) }",
    )


def _all_delivered(pipeline: RunningPipeline, receiver: Receiver, sent: int) -> Whereabouts:
    wanted = expected(ENDPOINTS, 0, sent)
    found = whereabouts(pipeline, receiver, wanted)

    def is_so() -> bool:
        nonlocal found
        found = whereabouts(pipeline, receiver, wanted)
        return found.adds_up and not found.waiting

    eventually(is_so, seconds=180, text=lambda: str(found))
    return found


def _replicas(servers: str) -> dict[str, int]:
    """By topic, the fewest of any partition."""
    topics = AdminClient({"bootstrap.servers": servers}).list_topics(timeout=10).topics
    return {
        name: min(len(partition.replicas) for partition in topic.partitions.values())
        for name, topic in topics.items()
    }
