"""One pipeline with its API, and receivers of every kind, for the tests of the five systems."""

from __future__ import annotations

import asyncio
import json
import secrets
import ssl
import threading
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import trustme

from pipeline.domain.delivery import Attempt, DeadLetter
from tests.api.running_api import Client, RunningApi, running_api
from tests.mail.smtp_servers import Mailbox, receiving_mail
from tests.receiver import DEADLINE_SECONDS, Answer, Receiver, Request, receiving
from tests.running_pipeline import eventually

TIME = "2026-03-02T11:00:00Z"
AT_ONCE = {"delays": ["1s", "1s", "1s"]}
"""A schedule for what fails, where the product's own would take hours."""

Document = dict[str, Any]


@dataclass
class Systems:
    """A running pipeline: everything goes in by HTTP or Kafka, and comes out at real sockets."""

    api: RunningApi
    plain: Receiver
    secure: Receiver
    mailbox: Mailbox
    answers: dict[str, list[Answer]] = field(default_factory=dict[str, list[Answer]])
    """What a path is answered, one after the other; 204 after the last one."""

    def __post_init__(self) -> None:
        self.plain.behaviour = self.secure.behaviour = self._answer

    def _answer(self, request: Request) -> Answer:
        left = self.answers.get(request.path, [])
        return left.pop(0) if left else Answer()

    def answer(self, path: str, *statuses: int) -> None:
        self.answers[path] = [Answer(status) for status in statuses]

    # The API.

    def key_of(self, account: str) -> Client:
        """Its owner, who may do what an account's key may."""
        return self.api.client(self.api.new_key(account=account))

    def endpoint(self, account: str, path: str | None = None, **members: Any) -> Document:
        """As it was answered: with its secret."""
        given = {"url": self.plain.url(path)} if path is not None else {}
        return created(self.api.operator, account, **given, **members)

    def publish(self, account: str, event_type: str, data: str, **members: Any) -> None:
        """`data` is the JSON as it is sent, to the byte."""
        event = {"account": account, "type": event_type, "time": TIME, **members}
        text = f'{json.dumps(event)[:-1]}, "data": {data}}}'
        headers = {"Content-Type": "application/json"}
        answered = self.api.operator.post("/v1/events", content=text.encode(), headers=headers)
        assert answered.status_code == 202, answered.text

    def profile(self, name: str) -> Document:
        """As the API tells it."""
        answered = self.api.operator.get(f"/v1/profiles/{name}")
        assert answered.status_code == 200, answered.text
        return answered.json()["document"]

    # What came of it.

    def wait_until_routed(self) -> None:
        """Every event so far has been decided: what is marked from now on changes none of it."""
        pipeline = self.api.pipeline
        events = pipeline.topology.events
        count = len(pipeline.records(events))
        eventually(lambda: sum(pipeline.committed("router", events).values()) >= count)

    def one(self, path: str) -> Request:
        """The only request to a path."""
        (request,) = self.plain.wait_for(1, path=path)
        return request

    def attempts(self, endpoint: str, count: int) -> list[Attempt]:
        """Once there are so many, in order."""
        found: list[Attempt] = []

        def are_there() -> bool:
            found[:] = [one for one in self.api.pipeline.attempts() if one.endpoint == endpoint]
            return len(found) >= count

        eventually(are_there, text=lambda: f"{found}")
        return sorted(found, key=lambda one: one.attempt)

    def dead_letters(self, endpoint: str, count: int) -> list[DeadLetter]:
        """Of its deliveries, once there are so many."""
        return self._letters(lambda one: one.endpoint == endpoint, count)

    def dead_event(self, endpoint: str) -> DeadLetter:
        """Of an event that no body could be made of for this endpoint, once it is there."""
        (letter,) = self._letters(lambda one: f"endpoint {endpoint}:" in (one.error or ""), 1)
        return letter

    def _letters(self, is_wanted: Callable[[DeadLetter], bool], count: int) -> list[DeadLetter]:
        found: list[DeadLetter] = []

        def are_there() -> bool:
            found[:] = filter(is_wanted, self.api.pipeline.dead_letters())
            return len(found) >= count

        eventually(are_there, text=lambda: f"{len(found)} of {count}")
        return found


def created(client: Client, account: str, **members: Any) -> Document:
    """A new endpoint."""
    answered = client.post(f"/v1/accounts/{account}/endpoints", json=members)
    assert answered.status_code == 201, answered.text
    return answered.json()


def done(answered: httpx.Response) -> httpx.Response:
    """The answer, which is a good one."""
    assert answered.is_success, answered.text
    return answered


def a_path() -> str:
    """That nobody else has."""
    return f"/{secrets.token_hex(8)}"


@contextmanager
def running_systems(bootstrap_servers: str, folder: Path) -> Generator[Systems]:
    """Every stage consumes, and the API answers."""
    authority = trustme.CA()
    authority_file = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(authority_file))
    with ExitStack() as closing:
        plain = closing.enter_context(receiving())
        secure = closing.enter_context(receiving(tls=_server_context(authority)))
        mailbox = closing.enter_context(_receiving_mail())
        settings = {
            "PIPELINE_SENDING__CA_FILE": str(authority_file),
            "PIPELINE_MAIL__URL": f"smtp://127.0.0.1:{mailbox.port}",
            "PIPELINE_MAIL__FROM": "Webhooks <webhooks@sender.test>",
        }
        api = closing.enter_context(running_api(bootstrap_servers, folder / "pipeline", **settings))
        api.pipeline.run()
        yield Systems(api, plain, secure, mailbox)


def _server_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)  # pyright: ignore[reportUnknownMemberType] - names a library that is not there
    return context


@contextmanager
def _receiving_mail() -> Generator[Mailbox]:
    """A mail server in a thread of its own."""
    started, ended = threading.Event(), threading.Event()
    mailboxes: list[Mailbox] = []

    async def serve() -> None:
        async with receiving_mail() as mailbox:
            mailboxes.append(mailbox)
            started.set()
            await asyncio.to_thread(ended.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert started.wait(DEADLINE_SECONDS)
    try:
        yield mailboxes[0]
    finally:
        ended.set()
        thread.join(DEADLINE_SECONDS)
