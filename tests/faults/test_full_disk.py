"""The broker's disk fills up under load: what was acknowledged is delivered once there is space."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from confluent_kafka import KafkaError, Message, Producer

from pipeline.domain.endpoint import Account, Endpoint
from tests.faults.kafka_nodes import KafkaNode, new_cluster_id, single_node
from tests.faults.small_disk import SmallDisk, small_disk, why_impossible
from tests.faults.whereabouts import Expected, whereabouts
from tests.receiver import Receiver
from tests.running_pipeline import STAGES, RunningPipeline, eventually, running_pipeline

MIB = 1 << 20
SIZE_BYTES = 48 * MIB
ENOUGH_BYTES = 1_024 * MIB
MOST_EVENTS = 50_000
FILLER = "x" * 4_000
"""In each event: it is written as an event and as a delivery."""
SETTINGS = {
    "log.segment.bytes": str(8 * MIB),
    "log.index.size.max.bytes": str(MIB // 4),
    "log.cleaner.dedupe.buffer.size": str(16 * MIB),
}


@dataclass(frozen=True)
class DiskBroker:
    node: KafkaNode
    disk: SmallDisk


@pytest.fixture
def disk_broker(tmp_path: Path) -> Generator[DiskBroker]:
    impossible = why_impossible()
    if impossible:
        pytest.skip(impossible)
    folder = tmp_path / "broker"
    with ExitStack() as stack:
        disk = stack.enter_context(small_disk(folder / "data", SIZE_BYTES))
        node = single_node(folder, before=disk.enter, settings=SETTINGS)
        node.format(new_cluster_id())
        stack.callback(node.stop)
        node.start()
        node.wait_until_ready()
        yield DiskBroker(node, disk)


@pytest.mark.faults
@pytest.mark.soak
@pytest.mark.timeout(600)
def test_nothing_acknowledged_is_missing_after_the_brokers_disk_was_full(
    disk_broker: DiskBroker, receiver: Receiver, tmp_path: Path
) -> None:
    node, disk = disk_broker.node, disk_broker.disk
    with running_pipeline(node.listeners.bootstrap_servers, tmp_path / "pipeline") as pipeline:
        pipeline.put_account(Account("full", "twelve-twenty"))
        for name in ("full1", "full2"):
            pipeline.put_endpoint(
                Endpoint(name, "full", "twelve-twenty", "", url=receiver.url(f"/{name}"))
            )
        pipeline.run()
        acknowledged = _publish_until_refused(pipeline, node)
        left_bytes, has_ended = disk.free_bytes(), node.has_ended
        print(  # noqa: T201 - shown with -s
            f"{len(acknowledged)} acknowledged, {len(receiver.accepted)} delivered; "
            f"{left_bytes} bytes free; the broker {'ended' if has_ended else 'refuses'}"
        )
        assert left_bytes < MIB
        node.stop()
        disk.grow(ENOUGH_BYTES)
        node.start()
        node.wait_until_ready()
        ended = [stage for stage in STAGES if pipeline.processes[(stage, 0)].poll() is not None]
        print(f"stages that ended: {ended}")  # noqa: T201 - shown with -s
        assert ended == []
        _check_all_delivered(pipeline, receiver, acknowledged)


def _publish_until_refused(pipeline: RunningPipeline, node: KafkaNode) -> set[int]:
    """Numbers of the events that the broker has, for certain."""
    acknowledged: set[int] = set()
    refused: list[KafkaError] = []
    producer = Producer(
        {
            **pipeline.connection,
            "enable.idempotence": True,
            "message.timeout.ms": 15_000,
            "queue.buffering.max.messages": 500,
            "log_level": 0,
        }
    )

    def report(number: int, error: KafkaError | None) -> None:
        if error is None:
            acknowledged.add(number)
        else:
            refused.append(error)

    for n in range(MOST_EVENTS):
        event = {"account": "full", "type": "made", "id": f"f{n}", "data": {"n": n, "x": FILLER}}

        def on_delivery(error: KafkaError | None, _: Message, number: int = n) -> None:
            report(number, error)

        while not refused:
            try:
                producer.produce(
                    pipeline.topology.events,
                    json.dumps(event).encode(),
                    f"full{n % 7}".encode(),
                    on_delivery=on_delivery,
                )
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
        if refused:
            break
    producer.flush(30)
    assert refused, "the disk did not fill up"
    return acknowledged


def _check_all_delivered(
    pipeline: RunningPipeline, receiver: Receiver, acknowledged: set[int]
) -> None:
    """What was not acknowledged may be delivered, too: nobody promised that it would not."""
    wanted: set[Expected] = {(name, n) for name in ("full1", "full2") for n in acknowledged}
    found = whereabouts(pipeline, receiver, wanted)

    def is_so() -> bool:
        nonlocal found
        found = whereabouts(pipeline, receiver, wanted)
        return wanted <= set(found.accepted) and not found.waiting

    eventually(is_so, seconds=180, text=lambda: str(found))
    print(found)  # noqa: T201 - shown with -s
    assert not found.dead
