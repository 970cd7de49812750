"""Endpoints and relations by the API: a real socket, broker and store, in a thread of the test."""

from __future__ import annotations

import asyncio
import json
import secrets
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

from pipeline.adapters.http.consent import ConsentDesk
from pipeline.adapters.http.curl_client import ClientSettings, open_client
from pipeline.adapters.kafka.cluster import Cluster
from pipeline.adapters.kafka.codec import RecordCodec
from pipeline.adapters.kafka.event_log import KafkaEventLog
from pipeline.adapters.kafka.outbox_producer import OutboxProducer
from pipeline.adapters.kafka.schema_files import load_schemas
from pipeline.adapters.kafka.table_logs import KafkaTableLogs
from pipeline.adapters.kafka.tables import TableReader
from pipeline.adapters.kafka.topic_file import read_topic_file
from pipeline.adapters.kafka.topics import Topics
from pipeline.adapters.profile_files import read_profile_files
from pipeline.adapters.sample_files import read_sample_files
from pipeline.adapters.sealing import Sealer, key_from_file
from pipeline.api import endpoints, handshakes, relations, sample_sending
from pipeline.api.app import Application, application
from pipeline.api.authentication import Authentication
from pipeline.api.consent_asking import CALLBACK_PATH, ConsentAsking
from pipeline.api.endpoint_ports import ConsentPorts, EndpointPorts
from pipeline.api.key_memory import KeyMemory
from pipeline.api.key_texts import hash_of, key_text
from pipeline.api.key_uses import KeyUses
from pipeline.api.known_profiles import KnownProfiles
from pipeline.api.outbox import Outbox
from pipeline.api.receiving import Receiving
from pipeline.api.relation_changes import RelationPorts
from pipeline.api.sample_sending import SamplePorts
from pipeline.api.table_reach import TableReach
from pipeline.clock import now_ms
from pipeline.delivery_log import ARCHIVED_AFTER_MS
from pipeline.domain.addresses import parse_rules
from pipeline.domain.delivery import Delivery
from pipeline.domain.endpoint import Account, Credentials, Endpoint
from pipeline.domain.event import Event
from pipeline.domain.event_document import event_key
from pipeline.domain.identifiers import new_id
from pipeline.domain.profile_table import Profiles
from pipeline.domain.relation import Relation
from pipeline.domain.topology import Topology
from pipeline.engine.tasks import Tasks
from pipeline.flow import Partition, Record
from pipeline.registry import Access, ApiKey
from pipeline.resources import PROFILE_SAMPLES_DIR, PROFILES_DIR, SCHEMAS_DIR, TOPICS_FILE
from pipeline.settings import Settings, StoreSettings
from pipeline.telemetry.tally import Tally
from pipeline.wiring.api_log import LogSurroundings, log_routers
from pipeline.wiring.connection import Connection
from pipeline.wiring.endpoint_vault import SealedTokens, SealedVault
from pipeline.wiring.live_tables import INTERVENTIONS, ROUTING_TABLES, LiveTables
from pipeline.wiring.registry_store import RegistryStore, opened_registry
from pipeline.wiring.table_records import OutboxRecords
from pipeline.wiring.url_check import tenants_url_check
from tests.running_pipeline import RunningPipeline, read_all

OPERATOR_KEY = "an operator's key of a test"
ORIGIN = "hooks.sender.test"
PUBLIC_URL = "https://api.sender.test"
SECONDS = 30.0


class Answered(NamedTuple):
    """What came back."""

    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def pointers(self) -> list[str]:
        assert self.status == 422, self.body
        assert self.headers["content-type"] == "application/problem+json"
        return [error["pointer"] for error in self.body["errors"]]


@dataclass
class ResourceApi:
    """Topics of a prefix of its own."""

    servers: str
    store: RegistryStore
    prefix: str = field(default_factory=lambda: f"t{uuid.uuid4().hex[:10]}.")
    sealer: Sealer = field(default_factory=lambda: Sealer(secrets.token_bytes(32)))

    def __post_init__(self) -> None:
        self.registry = self.store.registry
        self.topology = Topology(self.prefix)
        self.topic_file = read_topic_file(TOPICS_FILE, self.topology)
        self.codec = RecordCodec(load_schemas(SCHEMAS_DIR))
        self.connection: Connection = {"bootstrap.servers": self.servers}
        Topics(Cluster(self.connection), self.topic_file).apply()
        self.port = 0
        self.ahead_ms = 0
        self.failures: list[BaseException] = []
        self._server: uvicorn.Server | None = None

    def now_ms(self) -> int:
        """The clock of what the API says of deliveries; `ahead_ms` moves it."""
        return now_ms() + self.ahead_ms

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
            tasks = Tasks(self.failures.append)
            producer = OutboxProducer(self.connection, self.topic_file)
            closing.callback(producer.close)
            closing.push_async_callback(tasks.close)
            outbox = Outbox(self.store.outbox, producer, topology=self.topology)
            tasks.start(outbox.run())
            memory = KeyMemory(self.registry)
            closing.callback(memory.close)
            authentication = Authentication(
                memory, KeyUses(self.registry), operator_key=OPERATOR_KEY, now_ms=now_ms
            )
            routers = await self._routers(outbox, closing)
            app = application(
                Application(authentication, Tally(), routers, keyless=(CALLBACK_PATH,))
            )
            listening = socket.create_server(("127.0.0.1", 0))
            self.port = listening.getsockname()[1]
            self._server = uvicorn.Server(
                uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")
            )
            asyncio.get_running_loop().call_later(0.05, ready.set)
            await self._server.serve([listening])

    async def _routers(self, outbox: Outbox, closing: AsyncExitStack) -> list[Any]:
        rules = parse_rules(["127.0.0.0/8"])
        client = await closing.enter_async_context(open_client(ClientSettings(rules=rules)))
        records = OutboxRecords(self.codec, self.topology)
        known = KnownProfiles(read_profile_files(PROFILES_DIR))
        ports = EndpointPorts(
            registry=self.registry,
            outbox=outbox,
            records=records,
            profiles=known,
            vault=SealedVault(self.sealer),
            check_url=tenants_url_check(rules),
            topology=self.topology,
            dedicated_limit=self.topic_file.dedicated_limit,
            now_ms=now_ms,
            random_bytes=secrets.token_bytes,
        )
        asking = ConsentPorts(
            ConsentDesk(client, user_agent="sender/1"),
            SealedTokens(self.sealer),
            ORIGIN,
            PUBLIC_URL,
        )
        related = RelationPorts(
            registry=self.registry,
            outbox=outbox,
            records=records,
            profiles=known,
            encode_event=self.codec.encode_event,
            event_key=event_key,
            events_topic=self.topology.events,
            now_ms=now_ms,
            random_bytes=secrets.token_bytes,
        )
        consents = ConsentAsking(ports, asking)
        return [
            endpoints.router(ports, consents),
            handshakes.router(consents),
            relations.router(related),
            *await self._delivery_routers(closing),
        ]

    async def _delivery_routers(self, closing: AsyncExitStack) -> list[Any]:
        receiving = await self._receiving(closing)
        samples = SamplePorts(
            registry=self.registry,
            receiving=receiving,
            samples=read_sample_files(PROFILE_SAMPLES_DIR),
            now_ms=self.now_ms,
            random_bytes=secrets.token_bytes,
        )
        at = LogSurroundings(
            connection=self.connection,
            codec=self.codec,
            store=self.store,
            receiving=receiving,
            archived_after_ms=ARCHIVED_AFTER_MS,
            topic_file=self.topic_file,
            now_ms=self.now_ms,
            random_bytes=secrets.token_bytes,
        )
        return [sample_sending.router(samples), *log_routers(at, closing)]

    async def _receiving(self, closing: AsyncExitStack) -> Receiving:
        profiles = Profiles(read_profile_files(PROFILES_DIR))
        names = (*ROUTING_TABLES, INTERVENTIONS)
        tables = LiveTables(self.codec, self.topology, profiles=profiles, names=names)
        reader = TableReader(
            self.connection,
            tables.topics,
            apply=tables.apply,
            on_failed=self.failures.append,
            on_ends=tables.reach,
        )
        closing.push_async_callback(reader.close)
        await reader.start()
        tables.built()
        logs = KafkaTableLogs(
            self.connection, {self.topology.named(name): name for name in ROUTING_TABLES}
        )
        closing.push_async_callback(logs.close)
        event_log = KafkaEventLog(self.connection, on_failed=self.failures.append)
        closing.push_async_callback(event_log.close, wait_seconds=5.0)
        return Receiving(
            tables=tables,
            reach=TableReach(tables),
            table_logs=logs,
            rows=self.store.rows,
            event_log=event_log,
            encode_delivery=self.codec.encode_delivery,
            now_ms=self.now_ms,
        )

    # Requests.

    def ask(
        self,
        method: str,
        path: str,
        document: Any = None,
        *,
        key: str | None = OPERATOR_KEY,
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        given = dict(headers or {})
        if key is not None:
            given["Authorization"] = f"Bearer {key}"
        if document is not None:
            given.setdefault("Content-Type", "application/json")
        body = None if document is None else json.dumps(document).encode()
        connection = HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        try:
            connection.request(method, path, body, given)
            answer = connection.getresponse()
            content = answer.read()
            lower = {name.lower(): value for name, value in answer.getheaders()}
            return Answered(answer.status, json.loads(content) if content else None, lower)
        finally:
            connection.close()

    def create(self, account: str, **members: Any) -> dict[str, Any]:
        """An endpoint; its URL is there."""
        document = {"url": "https://hooks.example.com/", **members}
        answered = self.ask("POST", f"/v1/accounts/{account}/endpoints", document)
        assert answered.status == 201, answered.body
        return answered.body

    # The store.

    def account(self, profile: str = "standard-webhooks", **members: Any) -> str:
        """A new account; its id."""
        account = Account(f"a{uuid.uuid4().hex[:12]}", profile, **members)
        with self.registry.writing() as writer:
            writer.put_account(account)
            writer.publish(OutboxRecords(self.codec, self.topology).of_account(account))
        return account.id

    def key(self, account: str | None, access: Access = Access.FULL) -> str:
        """A key of the account."""
        now = now_ms()
        key_id = new_id("key", now_ms=now, entropy=secrets.token_bytes(10))
        text = key_text(key_id, secrets.token_bytes(32))
        with self.registry.writing() as writer:
            writer.put_key(ApiKey(key_id, hash_of(text), account, access, "a test's", now))
        return text

    def stored(self, endpoint_id: str) -> Endpoint:
        with self.registry.reading() as reader:
            endpoint = reader.endpoint(endpoint_id)
        assert endpoint is not None
        return endpoint

    def credentials(self, endpoint_id: str) -> Credentials:
        return SealedVault(self.sealer).open(self.stored(endpoint_id))

    # What lies in Kafka.

    def told(self, endpoint_id: str) -> list[Endpoint]:
        """What the table was told of an endpoint, in order."""
        every = read_all(self.servers, self.topology.endpoints)
        found = [self.codec.decode_endpoint(value, version=at) for _, at, value in every]
        return [endpoint for endpoint in found if endpoint.id == endpoint_id]

    def told_relations(self, account: str) -> list[Relation]:
        every = read_all(self.servers, self.topology.relations)
        found = [self.codec.decode_relation(value, version=at) for _, at, value in every]
        return [relation for relation in found if relation.account == account]

    def events(self, account: str) -> list[Event]:
        """The account's, in the order of each subject."""
        found = [
            self.codec.decode_event(Record(Partition("", 0), 0, None, value, 0))
            for _, _, value in read_all(self.servers, self.topology.events)
        ]
        return [event for event in found if event.account == account]

    def deliveries(self, topic: str) -> list[Delivery]:
        return [self.codec.decode_delivery(value) for _, _, value in read_all(self.servers, topic)]


@contextmanager
def resource_api(
    servers: str,
    data_dir: Path,
    *,
    beside: RunningPipeline | None = None,
    store_url: str | None = None,
) -> Generator[ResourceApi]:
    """Running until the block is left; `beside` a pipeline's stages, with its topics and key."""
    store = opened_registry(Settings(data_dir=data_dir, store=StoreSettings(url=store_url)))
    try:
        api = ResourceApi(servers, store)
        if beside is not None:
            key = key_from_file(beside.data_dir / "secrets.key")
            api = ResourceApi(servers, store, beside.prefix, Sealer(key))
        with api.running():
            yield api
    finally:
        store.close()
