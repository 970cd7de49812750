"""The API's events on a real socket, a real broker and a real store, in a thread of the test."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import uuid
from collections.abc import Generator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

import uvicorn
import uvloop
from confluent_kafka import Consumer, Producer, TopicPartition

from pipeline.adapters.kafka.cluster import Cluster
from pipeline.adapters.kafka.codec import RecordCodec
from pipeline.adapters.kafka.schema_files import load_schemas
from pipeline.adapters.kafka.topic_file import read_topic_file
from pipeline.adapters.kafka.topics import Topics
from pipeline.api.app import Application, application
from pipeline.api.authentication import Authentication
from pipeline.api.key_memory import KeyMemory
from pipeline.api.key_uses import KeyUses
from pipeline.clock import now_ms
from pipeline.domain.endpoint import Account, Endpoint
from pipeline.domain.event import Event
from pipeline.domain.event_document import event_key
from pipeline.domain.relation import Relation
from pipeline.domain.topology import Topology
from pipeline.engine.tasks import Tasks
from pipeline.flow import Partition, Record
from pipeline.registry import Registry
from pipeline.resources import SCHEMAS_DIR, TOPICS_FILE
from pipeline.settings import Settings
from pipeline.telemetry.tally import Tally
from pipeline.wiring.connection import Connection
from pipeline.wiring.event_ingest import IngestSurroundings, open_event_ingest
from pipeline.wiring.registry_store import opened_registry

OPERATOR_KEY = "an operator's key of a test"
SECONDS = 30.0


class Answered(NamedTuple):
    """What came back."""

    status: int
    body: Any
    headers: Mapping[str, str]


class Published(NamedTuple):
    """A record of the events' topic."""

    key: bytes
    event: Event
    headers: dict[str, bytes]


@dataclass
class EventApi:
    """Topics of a prefix of its own."""

    servers: str
    data_dir: Path
    registry: Registry
    prefix: str = field(default_factory=lambda: f"t{uuid.uuid4().hex[:10]}.")

    def __post_init__(self) -> None:
        self.topology = Topology(self.prefix)
        self.topic_file = read_topic_file(TOPICS_FILE, self.topology)
        self.codec = RecordCodec(load_schemas(SCHEMAS_DIR))
        self.connection: Connection = {"bootstrap.servers": self.servers}
        Topics(Cluster(self.connection), self.topic_file).apply()
        self.port = 0
        self.failures: list[BaseException] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: uvicorn.Server | None = None
        self._producer = Producer({**self.connection, "linger.ms": 0, "log_level": 0})

    # The server.

    @contextmanager
    def running(self) -> Generator[None]:
        ready = threading.Event()
        thread = threading.Thread(target=lambda: uvloop.run(self._serve(ready)), daemon=True)
        thread.start()
        try:
            assert ready.wait(SECONDS), self.failures
            yield
        finally:
            if self._server is not None:
                self._server.should_exit = True
            thread.join(SECONDS)
            assert not thread.is_alive()
        assert self.failures == []

    async def _serve(self, ready: threading.Event) -> None:
        async with AsyncExitStack() as closing:
            at = IngestSurroundings(
                self.connection,
                self.topic_file,
                self.codec,
                self.registry,
                event_key,
                self.failures.append,
            )
            events = await open_event_ingest(at, closing)
            memory = KeyMemory(self.registry)
            closing.callback(memory.close)
            authentication = Authentication(
                memory, KeyUses(self.registry), operator_key=OPERATOR_KEY, now_ms=now_ms
            )
            tasks = Tasks(self.failures.append)
            closing.push_async_callback(tasks.close)
            for work in events.work:
                tasks.start(work())
            app = application(
                Application(authentication, Tally(), [events.router], direct=events.direct)
            )
            listening = socket.create_server(("127.0.0.1", 0))
            self.port = listening.getsockname()[1]
            self._server = uvicorn.Server(
                uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")
            )
            asyncio.get_running_loop().call_later(0.05, ready.set)
            await self._server.serve([listening])

    # Requests.

    def post(
        self,
        path: str,
        document: Any,
        *,
        key: str | None = OPERATOR_KEY,
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        given = {"Content-Type": "application/json", **(headers or {})}
        if key is not None:
            given["Authorization"] = f"Bearer {key}"
        connection = HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        try:
            connection.request("POST", path, body, given)
            answer = connection.getresponse()
            content = answer.read()
            lower = {name.lower(): value for name, value in answer.getheaders()}
            return Answered(answer.status, json.loads(content), lower)
        finally:
            connection.close()

    def publish(self, **members: Any) -> Answered:
        """One event; `account`, `type` and `data` are there."""
        event = {"account": "acme", "type": "invoice.paid", "data": {"id": 1}, **members}
        return self.post("/v1/events", event)

    # Tables and what was published.

    def put_account(self, account: Account) -> None:
        self._put(self.topology.accounts, account.id, self.codec.encode_account(account))

    def put_endpoint(self, endpoint: Endpoint) -> None:
        self._put(self.topology.endpoints, endpoint.id, self.codec.encode_endpoint(endpoint))

    def put_relation(self, relation: Relation) -> None:
        key = f"{relation.account}/{relation.company}"
        self._put(self.topology.relations, key, self.codec.encode_relation(relation))

    def _put(self, topic: str, key: str, value: bytes) -> None:
        self._producer.produce(topic, value, key.encode())
        assert self._producer.flush(SECONDS) == 0

    def published(self) -> list[Published]:
        """Everything in the events' topic, each partition in its order."""
        topic = self.topology.events
        consumer = Consumer(
            {
                **self.connection,
                "group.id": f"unused-{uuid.uuid4()}",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 10,
                "auto.offset.reset": "earliest",
            }
        )
        found: list[Published] = []
        try:
            left = set(consumer.list_topics(topic, timeout=10).topics[topic].partitions)
            consumer.assign([TopicPartition(topic, number, -2) for number in left])
            while left:
                message = consumer.poll(SECONDS)
                assert message is not None, f"{topic} could not be read to its end"
                if message.error() is not None:
                    left.discard(message.partition() or 0)
                    continue
                headers: Any = message.headers() or []
                key, value = message.key(), message.value()
                assert isinstance(key, bytes)
                assert isinstance(value, bytes)
                record = Record(Partition(topic, 0), 0, key, value, 0)
                found.append(Published(key, self.codec.decode_event(record), dict(headers)))
        finally:
            consumer.close()
        return found


@contextmanager
def event_api(servers: str, data_dir: Path) -> Generator[EventApi]:
    """With the account `acme`, running until the block is left."""
    store = opened_registry(Settings(data_dir=data_dir))
    try:
        api = EventApi(servers, data_dir, store.registry)
        api.put_account(Account("acme", "standard-webhooks"))
        with api.running():
            yield api
    finally:
        store.close()
