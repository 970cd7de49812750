"""A whole pipeline on a secured cluster: a user for each part, each with its least rights."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from confluent_kafka import Producer

from pipeline.domain.least_rights import STAGES, Part
from pipeline.domain.topology import Topology
from tests.api.running_api import OPERATOR_KEY, Client, free_port
from tests.cli.command import Ended, Shell
from tests.receiver import Answer, Behaviour, Receiver, Request, receiving
from tests.running_pipeline import Event, RunningPipeline, eventually, running_pipeline
from tests.security.secured_broker import SecuredBroker

SECONDS = 60.0
ACCOUNT = "acme"
OPERATIONS = "operations"
SINCE = "2020-01-01T00:00:00Z"
PROCESSES = (*STAGES, Part.API)

DELETING = {"PIPELINE_STAGE__JANITOR_SECONDS": "0.5", "PIPELINE_ARCHIVE__AFTER_DAYS": "0.00002"}
"""For the scheduler: what is finished is old after two seconds."""


def failing_at_first() -> Behaviour:
    """At some paths each webhook fails once, at `/dead` and `/gone` all do."""
    tried: set[str] = set()

    def behave(request: Request) -> Answer:
        known, _ = request.webhook_id in tried, tried.add(request.webhook_id)
        if request.path in {"/flaky", "/flaky-shared", "/slow", "/removed"} and not known:
            return Answer(500)
        return Answer({"/dead": 400, "/gone": 410}.get(request.path, 204))

    return behave


@dataclass
class SecuredPipeline:
    broker: SecuredBroker
    pipeline: RunningPipeline
    shell: Shell
    receiver: Receiver
    api: Client
    settings: Mapping[str, str]
    topics: dict[str, str] = field(default_factory=dict[str, str])
    """By endpoint."""

    def user(self, part: Part) -> str:
        return user_of(self.pipeline.topology, part)

    def start(self, part: Part, **settings: str) -> None:
        """As its own user; `wait_ready` waits."""
        self.start_slot(part, 0, settings)

    def start_slot(self, part: Part, slot: int, settings: Mapping[str, str]) -> None:
        """The same, where there are several of a part."""
        as_user = self.broker.settings(self.user(part))
        ours: dict[str, Any] = {**self.settings, **as_user, **settings}
        self.pipeline.start(part, slot=slot, **ours)

    def ask(self, method: str, path: str, **document: Any) -> Any:
        answer = self.api.request(method, path, json=document or None)
        assert answer.status_code < 300, (path, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    def make_endpoint(self, name: str, **members: Any) -> None:
        made = self.ask(
            "POST",
            f"/v1/accounts/{ACCOUNT}/endpoints",
            id=name,
            url=self.receiver.url(f"/{name}"),
            **members,
        )
        self.topics[name] = made["topic"]

    def producer(self) -> Producer:
        """Of a service of one's own, straight to Kafka."""
        options: dict[str, Any] = {
            "bootstrap.servers": self.broker.secured_servers,
            "enable.idempotence": True,
            "log_level": 0,
            **self.broker.options(self.user(Part.PRODUCER)),
        }
        return Producer(options)

    def produce(self, event_id: str, *, event_type: str = "made") -> None:
        """As such a service."""
        failures: list[object] = []
        producer = self.producer()
        event: Event = {"account": ACCOUNT, "type": event_type, "id": event_id, "data": {}}
        producer.produce(
            self.pipeline.topology.events,
            json.dumps(event).encode(),
            ACCOUNT.encode(),
            on_delivery=lambda error, _: failures.append(error),
        )
        assert producer.flush(SECONDS) == 0
        assert failures == [None]

    def wait_ended(self, path: str) -> Any:
        found: list[Any] = [None]

        def has_ended() -> bool:
            found[0] = self.ask("GET", path)
            return found[0]["status"] in {"done", "failed", "cancelled"}

        eventually(has_ended, seconds=SECONDS, text=lambda: str(found[0]))
        assert found[0]["status"] == "done", found[0]
        return found[0]

    def logs(self) -> str:
        return "".join(each.read_text() for each in sorted(self.pipeline.data_dir.glob("*.log")))

    def command(self, *arguments: str, **settings: str) -> Ended:
        """As the administrator."""
        as_user: dict[str, Any] = self.broker.settings(self.user(Part.ADMINISTRATOR))
        ended = self.shell.run(*arguments, **{**as_user, **settings})
        assert ended.status == 0, (arguments, ended)
        return ended


def user_of(topology: Topology, part: Part) -> str:
    return f"{topology.prefix.rstrip('.')}-{part}"


@contextmanager
def secured_pipeline(
    broker: SecuredBroker, folder: Path, **others: str
) -> Generator[SecuredPipeline]:
    """Its users and their rights are made by `pipeline acls apply`; nothing runs yet."""
    port = free_port()
    settings = {
        "PIPELINE_API__PORT": str(port),
        "PIPELINE_API__OPERATOR_KEY": OPERATOR_KEY,
        "PIPELINE_STAGE__JANITOR_SECONDS": "0.5",
        "PIPELINE_STAGE__JUDGE_SECONDS": "0.5",
        "PIPELINE_OPERATIONS__ACCOUNT": OPERATIONS,
        **others,
    }
    with (
        running_pipeline(broker.bootstrap_servers, folder / "data") as pipeline,
        receiving(failing_at_first()) as receiver,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=SECONDS) as http,
    ):
        broker.add_users([user_of(pipeline.topology, part) for part in Part])
        shell = Shell(folder, pipeline.environment)
        applied = shell.run("acls", "apply")
        assert applied.status == 0, applied
        yield SecuredPipeline(
            broker,
            pipeline,
            shell,
            receiver,
            Client(http, {"Authorization": f"Bearer {OPERATOR_KEY}"}),
            settings,
        )
