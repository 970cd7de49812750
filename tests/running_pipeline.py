"""Stages as real processes against a real broker, under a topic prefix of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Generator, Iterable
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition

from pipeline.adapters.kafka.cluster import Cluster
from pipeline.adapters.kafka.codec import RecordCodec
from pipeline.adapters.kafka.schema_files import load_schemas
from pipeline.adapters.kafka.topic_file import TopicFile, read_topic_file
from pipeline.adapters.kafka.topics import Topics
from pipeline.adapters.sealing import Sealer, key_from_file
from pipeline.domain.credentials import write_credentials
from pipeline.domain.delivery import Attempt, DeadLetter, Delivery
from pipeline.domain.endpoint import Account, Credentials, Endpoint
from pipeline.domain.topology import Topology
from pipeline.ports import Undecodable
from pipeline.resources import SCHEMAS_DIR, TOPICS_FILE

STAGES = ("router", "sender", "scheduler", "recorder")
READY_SECONDS = 60.0
Event = dict[str, Any]


@dataclass
class RunningPipeline:
    """One pipeline under a prefix; started stages are stopped at the end."""

    bootstrap_servers: str
    data_dir: Path
    prefix: str = field(default_factory=lambda: f"t{uuid.uuid4().hex[:10]}.")
    settings: dict[str, str] = field(default_factory=dict[str, str])
    program: tuple[str, ...] = ("-m", "pipeline", "run")
    """Python's arguments; a stage's name and slot follow."""
    processes: dict[tuple[str, int], subprocess.Popen[bytes]] = field(
        default_factory=dict[tuple[str, int], subprocess.Popen[bytes]]
    )

    def __post_init__(self) -> None:
        self.topology = Topology(self.prefix)
        self.codec = RecordCodec(load_schemas(SCHEMAS_DIR))
        self.topics = Topics(Cluster(self.connection), self.topic_file)
        self.producer = Producer(
            {
                **self.connection,
                "linger.ms": 5,
                "partitioner": "murmur2_random",
                "enable.idempotence": True,  # keeps the order when a broker goes away
                "log_level": 0,
            }
        )
        self.topics.apply()

    @property
    def connection(self) -> dict[str, str | int | bool]:
        return {"bootstrap.servers": self.bootstrap_servers}

    @property
    def topic_file(self) -> TopicFile:
        return read_topic_file(TOPICS_FILE, Topology(self.prefix))

    @property
    def environment(self) -> dict[str, str]:
        """For any process of this pipeline."""
        return {
            **os.environ,
            "PIPELINE_KAFKA__BOOTSTRAP_SERVERS": self.bootstrap_servers,
            "PIPELINE_KAFKA__TOPIC_PREFIX": self.prefix,
            "PIPELINE_DATA_DIR": str(self.data_dir),
            "PIPELINE_SENDING__ALLOWED_NETWORKS": '["127.0.0.0/8"]',
            **self.settings,
        }

    # Stages.

    def start(self, *stages: str, slot: int = 0, **settings: str) -> None:
        environment = {**self.environment, **settings}
        self.data_dir.mkdir(parents=True, exist_ok=True)
        for stage in stages or STAGES:
            with (self.data_dir / f"{stage}-{slot}.log").open("ab") as log:
                self.processes[(stage, slot)] = subprocess.Popen(
                    [sys.executable, *self.program, stage, "--slot", str(slot)],
                    env=environment,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )

    def run(self, *stages: str, slot: int = 0, **settings: str) -> None:
        """Start and wait until they consume."""
        self.start(*stages, slot=slot, **settings)
        for stage in stages or STAGES:
            self.wait_ready(stage, slot=slot)

    def signal(self, stage: str, number: signal.Signals, *, slot: int = 0) -> None:
        self.processes[(stage, slot)].send_signal(number)

    def kill(self, *stages: str, slot: int = 0) -> None:
        """kill -9, all at once."""
        for stage in stages:
            self.processes[(stage, slot)].kill()
        for stage in stages:
            self.processes.pop((stage, slot)).wait()

    def stop(self, *stages: str, slot: int = 0, seconds: float = 20.0) -> None:
        """SIGTERM, and wait for a clean end."""
        for stage in stages:
            self.processes[(stage, slot)].terminate()
        for stage in stages:
            ended = self.processes[(stage, slot)].wait(seconds)
            del self.processes[(stage, slot)]
            assert ended == 0, self.log(stage, slot=slot)

    def log(self, stage: str, *, slot: int = 0) -> str:
        return (self.data_dir / f"{stage}-{slot}.log").read_text()

    def health(self, stage: str, *, slot: int = 0) -> dict[str, Any]:
        """What `/readyz` says; empty while nobody answers."""
        note = self.data_dir / "run" / f"{stage}-{slot}.json"
        try:
            found = json.loads(note.read_text())
            if found["pid"] != self.processes[(stage, slot)].pid:
                return {}
            asked = HTTPConnection("127.0.0.1", found["health_port"], timeout=5)
            with closing(asked):
                asked.request("GET", "/readyz")
                return json.loads(asked.getresponse().read())
        except (OSError, ValueError, KeyError):
            return {}

    def wait_ready(self, stage: str, *, slot: int = 0) -> None:
        eventually(
            lambda: self.health(stage, slot=slot).get("status") == "ok",
            seconds=READY_SECONDS,
            text=lambda: f"{stage} is not ready: {self.log(stage, slot=slot)}",
        )

    # Tables and events.

    def put_account(self, account: Account) -> None:
        self._put(self.topology.accounts, self.codec.encode_account(account), account.id)

    def put_endpoint(self, endpoint: Endpoint, credentials: Credentials | None = None) -> Endpoint:
        """Publish it with a topic of its own, unless it names one."""
        topic = endpoint.topic or self.topics.create_delivery_topic(endpoint.id)
        sealed = None
        if credentials is not None:
            sealer = Sealer(key_from_file(self.data_dir / "secrets.key"))
            sealed = sealer.seal(write_credentials(credentials), record_key=endpoint.id.encode())
        endpoint = replace(endpoint, topic=topic, sealed=sealed)
        self._put(self.topology.endpoints, self.codec.encode_endpoint(endpoint), endpoint.id)
        return endpoint

    def publish(self, events: Iterable[Event], *, topic: str | None = None) -> None:
        """As JSON envelopes; returns when the broker has all of them."""
        for event in events:
            self.producer.produce(
                topic or self.topology.events, json.dumps(event).encode(), event["account"].encode()
            )
            self.producer.poll(0)
        assert self.producer.flush(60) == 0

    def _put(self, table: str, value: bytes, key: str) -> None:
        """Return when every running stage has seen it: events sent before that may miss it."""
        offsets: list[int] = []
        self.producer.produce(
            table, value, key.encode(), on_delivery=lambda _, m: offsets.append(m.offset() or 0)
        )
        assert self.producer.flush(60) == 0
        self._wait_seen(table, offsets[0] + 1)

    def wait_tables_seen(self) -> None:
        """Every running stage has seen what is in the tables now, as `_put` has it."""
        consumer = Consumer({**self.connection, "group.id": f"unused-{uuid.uuid4()}"})
        try:
            for table in (self.topology.accounts, self.topology.endpoints):
                bounds = consumer.get_watermark_offsets(TopicPartition(table, 0), timeout=10)
                self._wait_seen(table, bounds[1])
        finally:
            consumer.close()

    def _wait_seen(self, table: str, end: int) -> None:
        for stage, slot in self.processes:
            if stage == "api":
                continue  # it does not say; a request waits for what was written before it
            eventually(
                lambda stage=stage, slot=slot: (
                    self.health(stage, slot=slot).get("tables", {}).get(table, 0) >= end
                )
            )

    # What came of it.

    def records(self, topic: str) -> list[bytes]:
        """All values of a topic, from its first record to its end."""
        return [value for _, _, value in read_all(self.bootstrap_servers, topic)]

    def dead_letters(self) -> list[DeadLetter]:
        """All that can be read; tests that write garbage there find it described by another."""
        letters: list[DeadLetter] = []
        for value in self.records(self.topology.dead_letter):
            with suppress(Undecodable):
                letters.append(self.codec.decode_dead_letter(value))
        return letters

    def attempts(self) -> list[Attempt]:
        batches = [
            self.codec.decode_attempts(value) for value in self.records(self.topology.attempts)
        ]
        return [attempt for batch in batches for attempt in batch]

    def deliveries(self, topic: str) -> list[Delivery]:
        return [self.codec.decode_delivery(value) for value in self.records(topic)]

    def committed(self, stage: str, topic: str) -> dict[int, int]:
        """Committed offsets by partition."""
        consumer = Consumer({**self.connection, "group.id": f"{self.prefix}{stage}"})
        try:
            count = len(consumer.list_topics(topic, timeout=10).topics[topic].partitions)
            asked = [TopicPartition(topic, number) for number in range(count)]
            found = consumer.committed(asked, timeout=10)
            return {each.partition: each.offset for each in found if each.offset >= 0}
        finally:
            consumer.close()

    def close(self) -> None:
        for process in self.processes.values():
            process.kill()
        for process in self.processes.values():
            process.wait()


@contextmanager
def running_pipeline(
    bootstrap_servers: str, data_dir: Path, **settings: str
) -> Generator[RunningPipeline]:
    """Its processes end with the block."""
    pipeline = RunningPipeline(bootstrap_servers, data_dir, settings=settings)
    try:
        yield pipeline
    finally:
        pipeline.close()


def read_all(bootstrap_servers: str, topic: str) -> list[tuple[int, int, bytes]]:
    """(partition, offset, value) of everything in a topic now."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": f"unused-{uuid.uuid4()}",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
        }
    )
    found: list[tuple[int, int, bytes]] = []
    try:
        metadata = consumer.list_topics(topic, timeout=10).topics[topic]
        left = set(metadata.partitions)
        consumer.assign([TopicPartition(topic, number, -2) for number in left])
        deadline = time.monotonic() + 60
        while left:
            assert time.monotonic() < deadline, f"{topic} could not be read to its end"
            message = consumer.poll(1.0)
            if message is None:
                continue
            if message.error() is None:
                value = message.value()
                assert isinstance(value, bytes)
                found.append((message.partition() or 0, message.offset() or 0, value))
            else:
                left.discard(message.partition() or 0)
    finally:
        consumer.close()
    return found


def eventually(
    is_so: Callable[[], bool], *, seconds: float = 30.0, text: Callable[[], str] = lambda: "no"
) -> None:
    """Wait for a condition; fail with the text after so long."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, text()
        threading.Event().wait(0.05)
