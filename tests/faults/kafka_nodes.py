"""Kafka processes that a test arranges itself: several in one cluster, or one on a disk of its own.

They are run with the embedded broker's Java and jars, under its guard: none outlives the tests.
"""

from __future__ import annotations

import base64
import subprocess
import uuid
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from pipeline.adapters.embedded_kafka.cache import cache_in
from pipeline.adapters.embedded_kafka.guarded_process import (
    GuardedProcess,
    Launch,
    environment,
    spawn,
)
from pipeline.adapters.embedded_kafka.jvm import LOGGING, LOGGING_FILE, PROPERTIES_FILE
from pipeline.adapters.embedded_kafka.ports import free_listeners
from pipeline.adapters.embedded_kafka.server_properties import Listeners
from pipeline.adapters.embedded_kafka.toolkit import Toolkit, ensure_toolkit
from pipeline.adapters.embedded_kafka.waiting import Waiting
from tests.running_pipeline import eventually

READY_SECONDS = 90.0
STOP_SECONDS = 30.0
REPLICAS = 3
_SIX_MIB = str(6 << 20)

SETTINGS = {
    "process.roles": "broker,controller",
    "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "BROKER",
    "controller.listener.names": "CONTROLLER",
    "log.dirs": "data",
    "auto.create.topics.enable": "false",
    "unclean.leader.election.enable": "false",
    "group.initial.rebalance.delay.ms": "0",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "1",
    "message.max.bytes": _SIX_MIB,
    "replica.fetch.max.bytes": _SIX_MIB,
    "broker.session.timeout.ms": "4000",
    "broker.heartbeat.interval.ms": "500",
}


@dataclass
class KafkaNode:
    """One broker and controller; its data lie in `folder / "data"`."""

    folder: Path
    number: int
    listeners: Listeners
    settings: Mapping[str, str]
    toolkit: Toolkit
    before: Sequence[str] = ()
    """What its command line begins with, such as a change of namespace."""
    process: GuardedProcess | None = field(default=None, init=False)

    def format(self, cluster_id: str) -> None:
        """Make its storage, in a folder of its own that is not there yet."""
        self.folder.mkdir(parents=True, exist_ok=True)
        text = "".join(f"{name}={value}\n" for name, value in self.settings.items())
        (self.folder / PROPERTIES_FILE).write_text(text)
        (self.folder / LOGGING_FILE).write_text(LOGGING)
        done = subprocess.run(
            [*self.before, *self.toolkit.jvm.formatter(cluster_id, *self.toolkit.archive.flags())],
            cwd=self.folder,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self) -> None:
        """Begin; `wait_until_ready` waits for it."""
        command = [*self.before, *self.toolkit.jvm.broker(*self.toolkit.archive.flags())]
        launch = Launch(command, self.folder, self.folder / "jvm.log", STOP_SECONDS)
        with (self.folder / "lock").open("wb") as held:
            self.process = spawn(launch, hand_on_fd=held.fileno())

    def wait_until_ready(self) -> None:
        client = AdminClient(
            {"bootstrap.servers": self.listeners.bootstrap_servers, "log_level": 0}
        )

        def answers() -> bool:
            assert not self.has_ended, self.last_words()
            try:
                return self.number in client.list_topics(timeout=1.0).brokers
            except KafkaException:
                return False

        eventually(answers, seconds=READY_SECONDS, text=self.last_words)

    @property
    def has_ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def stop(self) -> None:
        """Politely: it hands its partitions over."""
        if self.process is not None:
            self.process.stop()

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()

    def last_words(self) -> str:
        log = self.folder / "server.log"
        return f"node {self.number}: " + (log.read_text()[-4_000:] if log.exists() else "no log")


def single_node(folder: Path, *, before: Sequence[str], settings: Mapping[str, str]) -> KafkaNode:
    """One that is alone, not formatted yet."""
    (listeners,) = distinct_listeners(1)
    voters = f"1@127.0.0.1:{listeners.controller_port}"
    return KafkaNode(
        folder, 1, listeners, {**_settings(1, listeners, voters, 1), **settings}, _toolkit(), before
    )


def three_nodes(folder: Path) -> list[KafkaNode]:
    """A cluster that keeps everything on each of the three, two of them at least; not formatted."""
    found = distinct_listeners(REPLICAS)
    voters = ",".join(
        f"{number}@127.0.0.1:{each.controller_port}" for number, each in enumerate(found, 1)
    )
    toolkit = _toolkit()
    return [
        KafkaNode(
            folder / str(number), number, each, _settings(number, each, voters, REPLICAS), toolkit
        )
        for number, each in enumerate(found, 1)
    ]


def format_together(nodes: Sequence[KafkaNode]) -> None:
    """As one cluster."""
    cluster_id = new_cluster_id()
    for node in nodes:
        node.format(cluster_id)


def new_cluster_id() -> str:
    """Base64 of an id, as Kafka wants it."""
    return "A" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:]


@contextmanager
def running_nodes(folder: Path, *, end: Callable[[KafkaNode], None]) -> Generator[list[KafkaNode]]:
    """Three that answer; `end` is done with each after the block, whatever became of it."""
    nodes = three_nodes(folder)
    format_together(nodes)
    with started_nodes(nodes, end=end):
        yield nodes


@contextmanager
def started_nodes(
    nodes: Sequence[KafkaNode], *, end: Callable[[KafkaNode], None]
) -> Generator[None]:
    """Formatted ones; they answer within the block, and `end` is done with each after it."""
    with ExitStack() as ending:
        for node in nodes:
            ending.callback(end, node)
            node.start()
        for node in nodes:
            node.wait_until_ready()
        yield


def fewest_in_sync(client: AdminClient) -> int:
    """Of any partition, the replicas that have all of it."""
    topics = client.list_topics(timeout=10).topics
    return min(
        len(partition.isrs) for topic in topics.values() for partition in topic.partitions.values()
    )


def distinct_listeners(count: int) -> list[Listeners]:
    """Free ports, each of them once."""
    found: list[Listeners] = []
    taken: set[int] = set()
    while len(found) < count:
        listeners = free_listeners()
        ports = {listeners.port, listeners.controller_port}
        if not ports & taken:
            taken |= ports
            found.append(listeners)
    return found


def _toolkit() -> Toolkit:
    return ensure_toolkit(cache_in(None), Waiting(lambda _: None))


def _settings(number: int, listeners: Listeners, voters: str, replicas: int) -> dict[str, str]:
    in_sync = str(max(replicas - 1, 1))
    broker = f"BROKER://{listeners.bootstrap_servers}"
    return {
        **SETTINGS,
        "node.id": str(number),
        "controller.quorum.voters": voters,
        "listeners": f"{broker},CONTROLLER://127.0.0.1:{listeners.controller_port}",
        "advertised.listeners": broker,
        "default.replication.factor": str(replicas),
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": str(replicas),
        "transaction.state.log.replication.factor": str(replicas),
        "transaction.state.log.min.isr": in_sync,
    }
