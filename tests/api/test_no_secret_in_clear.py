"""No secret lies in clear anywhere: topics, the broker's files, the store, logs, answers.

One whole pipeline sends with every kind of secret there is, to a receiver that repeats whatever it
was sent, and is searched afterwards.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import ssl
import threading
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import httpx
import pytest
import trustme
from confluent_kafka import Consumer, TopicPartition

from tests.api.running_api import OPERATOR_KEY, RunningApi, running_api
from tests.http.servers import read_request, serving
from tests.kafka_broker import SessionBroker
from tests.mail.smtp_servers import Mailbox, only, receiving_mail
from tests.running_pipeline import STAGES, eventually

MAIL_USER: Final = "mailer"
SEALING_KEY: Final = "secrets.key"
SHOWN_ONCE: Final = ("secret", "key")
"""Members of answers to a creation or rotation that alone show a secret."""


def unguessable(prefix: str = "") -> str:
    return prefix + secrets.token_hex(20)


def signing_secret() -> str:
    return "whsec_" + b64encode(secrets.token_bytes(32)).decode()


# What is looked for.


def spellings(secret: str) -> set[bytes]:
    """The secret itself, and what stands for it wherever it lies within Base64."""
    raw = secret.encode()
    found = {raw}
    for before in range(3):
        for encode in (b64encode, urlsafe_b64encode):
            encoded = encode(b"\0" * before + raw)
            # The characters at both ends also depend on what stands beside it.
            found.add(encoded[4 if before else 0 : len(encoded) // 4 * 4 - 4])
    prefix, _, rest = secret.partition("_")
    if prefix in {"whsec", "whsk"}:
        found |= {rest.encode(), b64decode(rest)}
    return found


@dataclass
class Secrets:
    """All that must not be found, by what it is."""

    by_name: dict[str, str] = field(default_factory=dict[str, str])

    def keep(self, name: str, secret: str) -> str:
        self.by_name[name] = secret
        return secret

    def pattern(self) -> re.Pattern[bytes]:
        every = {text for secret in self.by_name.values() for text in spellings(secret)}
        return re.compile(b"|".join(map(re.escape, sorted(every, key=len, reverse=True))))

    def name_of(self, found: bytes) -> str:
        return next(name for name, secret in self.by_name.items() if found in spellings(secret))


@dataclass
class World:
    """The pipeline with everything beside it."""

    api: RunningApi
    broker: SessionBroker
    hidden: Secrets
    outside: Outside
    answers: list[tuple[str, bytes]] = field(default_factory=list[tuple[str, bytes]])

    def places(self) -> Iterator[tuple[str, bytes]]:
        """Everything that is searched, with its name."""
        yield from self.answers
        yield from records(self.api)
        data_dir = self.api.pipeline.data_dir
        for folder in (data_dir, self.broker.log.parent):
            for path in sorted(folder.rglob("*")):
                if path.is_file() and path.name != SEALING_KEY:
                    with suppress(FileNotFoundError):  # the broker deletes some by itself
                        yield str(path), path.read_bytes()

    def found(self) -> list[str]:
        pattern = self.hidden.pattern()
        return [
            f"{place}: {self.hidden.name_of(match.group())}"
            for place, content in self.places()
            for match in [pattern.search(content)]
            if match is not None
        ]


def records(api: RunningApi) -> Iterator[tuple[str, bytes]]:
    """Key, headers and value of every record of every topic of this pipeline."""
    pipeline = api.pipeline
    consumer = Consumer(
        {
            **pipeline.connection,
            "group.id": unguessable(),
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
        }
    )
    try:
        topics = consumer.list_topics(timeout=10).topics
        left = {
            (name, number)
            for name, metadata in topics.items()
            if name.startswith(pipeline.prefix)
            for number in metadata.partitions
        }
        consumer.assign([TopicPartition(name, number, -2) for name, number in left])
        while left:
            message = consumer.poll(30.0)
            assert message is not None, f"{left} could not be read to their ends"
            topic = message.topic() or ""
            if message.error() is not None:
                left.discard((topic, message.partition() or 0))
                continue
            headers: Any = message.headers() or []
            parts = [message.key(), message.value(), *(each for pair in headers for each in pair)]
            content = [part.encode() if isinstance(part, str) else part or b"" for part in parts]
            yield f"{topic}@{message.offset()}", b"\n".join(content)
    finally:
        consumer.close()


# Where it is sent.


@dataclass
class Outside:
    """A receiver, a token server and a mail server, all of them with TLS or on this machine."""

    hidden: Secrets
    port: int = 0
    mailbox: Mailbox = field(default_factory=Mailbox)
    requests: list[bytes] = field(default_factory=list[bytes])

    def url(self, path: str) -> str:
        return f"https://127.0.0.1:{self.port}{path}"

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            request = await read_request(reader)
            self.requests.append(request)
            writer.write(self._answer(request))
            await writer.drain()

    def _answer(self, request: bytes) -> bytes:
        """Everything it was sent comes back, in the body and in headers."""
        head, _, _ = request.partition(b"\r\n\r\n")
        path = head.split(b" ")[1]
        if path == b"/token":
            token = self.hidden.keep(f"access token {len(self.requests)}", unguessable("at-"))
            body = json.dumps({"access_token": token, "token_type": "Bearer"}).encode()
            lines = [b"HTTP/1.1 200 OK", b"Content-Type: application/json"]
        else:
            body = request
            status = b"200 OK" if path.startswith(b"/fine") else b"500 No"
            sent = head.split(b"\r\n")[1:]
            lines = [b"HTTP/1.1 " + status, *(b"X-Seen-" + line for line in sent)]
        return b"\r\n".join([*lines, b"Content-Length: %d" % len(body), b"", body])


@contextmanager
def running_outside(authority: trustme.CA, hidden: Secrets, password: str) -> Generator[Outside]:
    outside = Outside(hidden)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)  # pyright: ignore[reportUnknownMemberType] - names a library that is not there
    authority.configure_trust(context)  # pyright: ignore[reportUnknownMemberType] - as above
    context.verify_mode = ssl.CERT_OPTIONAL
    ready, ended = threading.Event(), threading.Event()

    async def serve() -> None:
        async with AsyncExitStack() as closing:
            server = await closing.enter_async_context(serving(outside.talk, tls=context))
            outside.port = server.port
            outside.mailbox = await closing.enter_async_context(
                receiving_mail(
                    authenticator=only(MAIL_USER.encode(), password.encode()),
                    auth_require_tls=False,
                )
            )
            ready.set()
            await asyncio.to_thread(ended.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(20)
    try:
        yield outside
    finally:
        ended.set()
        thread.join(20)


# What is done.


@pytest.fixture(scope="module")
def world(broker: SessionBroker, tmp_path_factory: pytest.TempPathFactory) -> Generator[World]:
    authority = trustme.CA()
    folder = tmp_path_factory.mktemp("secrets")
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    hidden = Secrets()
    hidden.keep("the operator's key", OPERATOR_KEY)
    password = hidden.keep("the mail password", unguessable())
    with running_outside(authority, hidden, password) as outside:
        settings = {
            "PIPELINE_SENDING__CA_FILE": str(folder / "ca.pem"),
            "PIPELINE_MAIL__URL": f"smtp://{MAIL_USER}:{password}@127.0.0.1:{outside.mailbox.port}",
        }
        with running_api(broker.bootstrap_servers, folder / "data", **settings) as api:
            made = World(api, broker, hidden, outside)
            api.http.event_hooks = {"response": [partial(keep_answer, made)]}
            api.pipeline.run(*STAGES)
            sealing = (api.pipeline.data_dir / SEALING_KEY).read_text().strip()
            hidden.keep("the key that seals", sealing)
            use_everything(made, authority)
            yield made


def keep_answer(world: World, answer: httpx.Response) -> None:
    """But for what a creation or rotation is to show once."""
    answer.read()
    body = answer.content
    if answer.request.method == "POST" and answer.is_success and body:
        document = answer.json()
        for name in SHOWN_ONCE:
            if isinstance(shown := document.pop(name, None), str):
                world.hidden.keep(f"{name} of an answer {len(world.answers)}", shown)
        body = json.dumps(document).encode()
    headers = json.dumps(list(answer.headers.items())).encode()
    place = f"the answer to {answer.request.method} {answer.request.url}"
    world.answers.append((place, headers + body))


def auths(hidden: Secrets, outside: Outside, authority: trustme.CA) -> dict[str, dict[str, str]]:
    issued = authority.issue_cert("sender.test")
    private_key = issued.private_key_pem.bytes().decode()
    # A line of it, as it stands in any text.
    hidden.keep("the private key", private_key.splitlines()[2])
    basic = {"username": "someone", "password": hidden.keep("the password", unguessable())}
    hidden.keep("name and password", f"someone:{basic['password']}")
    client_secret = hidden.keep("the client secret", unguessable())
    return {
        "header": {"name": "X-Api-Key", "value": hidden.keep("the header", unguessable())},
        "bearer": {"token": hidden.keep("the bearer token", unguessable())},
        "basic": basic,
        "oauth2": {
            "token_url": outside.url("/token"),
            "client_id": "client",
            "client_secret": client_secret,
        },
        "mtls": {
            "certificate": "".join(pem.bytes().decode() for pem in issued.cert_chain_pems),
            "private_key": private_key,
        },
    }


def endpoints_of(world: World, authority: trustme.CA) -> Iterator[tuple[str, dict[str, Any]]]:
    """(profile, endpoint) of every kind of secret."""
    hidden = world.hidden
    for kind, members in auths(hidden, world.outside, authority).items():
        secret = hidden.keep(f"whsec of {kind}", signing_secret())
        yield "standard-webhooks", {"auth": {"type": kind, **members}, "secret": secret}
    key = "whsk_" + b64encode(secrets.token_bytes(32)).decode()
    hidden.keep("the signing key", key)
    yield "standard-webhooks", {"signing": ["v1", "v1a"], "signing_key": key}
    token = hidden.keep("the token", unguessable())
    yield "twelve-twenty", {"auth": {"type": "token", "token": token}}
    yield "twenty", {"secret": hidden.keep("the text secret", unguessable())}


def use_everything(world: World, authority: trustme.CA) -> None:
    api, operator = world.api, world.api.operator
    expected: dict[str, int] = {}
    events: list[dict[str, Any]] = []
    for profile, members in endpoints_of(world, authority):
        account = api.new_account(profile=profile)
        for path, attempts in (("/fine", 1), ("/wrong", 2)):
            document = {"url": world.outside.url(path), "retry": {"delays": ["1s"]}, **members}
            expected[created(world, account, document)] = attempts
        events.append({"account": account, "type": "Student.Updated", "data": {"n": 1}})
    account = api.new_account()
    mailed = created(world, account, {"email": "orders@example.com"})
    expected[mailed] = 1
    events.append({"account": account, "type": "order.paid", "data": {"n": 1}})
    publish(world, events)
    wait_for_attempts(world, expected)
    change_everything(world, expected, mailed)
    publish(world, events)
    wait_for_attempts(world, {endpoint: 2 * count for endpoint, count in expected.items()})
    look_at_everything(world, expected)
    for endpoint in expected:
        assert operator.delete(f"/v1/endpoints/{endpoint}").status_code == 204


def created(world: World, account: str, document: Mapping[str, Any]) -> str:
    made = world.api.operator.post(f"/v1/accounts/{account}/endpoints", json=document)
    assert made.status_code == 201, made.text
    return made.json()["id"]


def publish(world: World, events: Iterable[dict[str, Any]]) -> None:
    for event in events:
        taken = world.api.operator.post("/v1/events", json=event)
        assert taken.status_code == 202, taken.text


def change_everything(world: World, endpoints: Iterable[str], mailed: str) -> None:
    """New secrets, wrong ones, keys of the API, and a mail server that refuses."""
    api, hidden = world.api, world.hidden
    for endpoint in endpoints:
        rotated = api.operator.post(f"/v1/endpoints/{endpoint}/rotate-secret", json={})
        assert rotated.status_code in {200, 409, 422}, rotated.text
        secret = hidden.keep(f"patched into {endpoint}", unguessable())
        auth = {"type": "bearer", "token": secret, "no": "such member"}
        refused = api.operator.patch(f"/v1/endpoints/{endpoint}", json={"auth": auth})
        assert refused.status_code == 422, refused.text
        wrong = {"secret": "whsec_" + secret}
        refused = api.operator.post(f"/v1/endpoints/{endpoint}/rotate-secret", json=wrong)
        assert refused.status_code in {200, 409, 422}, refused.text
        described = api.operator.patch(f"/v1/endpoints/{endpoint}", json={"description": "x"})
        assert described.status_code == 200, described.text
    key = api.made_key()
    assert api.client(key["key"]).get("/v1/accounts").status_code == 200
    assert api.operator.delete(f"/v1/keys/{key['id']}").status_code == 204
    assert api.client(key["key"]).get("/v1/accounts").status_code == 401
    assert api.client(key["key"][:-1]).get("/v1/accounts").status_code == 401
    world.outside.mailbox.at_mail = "451 not now"
    assert world.outside.mailbox.mails, [
        attempt for attempt in api.pipeline.attempts() if attempt.endpoint == mailed
    ]


def look_at_everything(world: World, endpoints: Iterable[str]) -> None:
    api = world.api
    for endpoint in endpoints:
        shown = api.operator.get(f"/v1/endpoints/{endpoint}")
        account = shown.json()["account"]
        assert api.operator.get(f"/v1/accounts/{account}/endpoints").status_code == 200
        assert api.operator.post(f"/v1/endpoints/{endpoint}/deactivate").status_code == 200
        assert api.operator.post(f"/v1/endpoints/{endpoint}/activate").status_code == 200
    deliveries = api.operator.get("/v1/deliveries").json()["items"]
    assert len(deliveries) > len(list(endpoints))
    for delivery in deliveries:
        for part in ("", "/raw", "/download"):
            path = f"/v1/deliveries/{delivery['id']}{part}"
            assert api.operator.get(path).status_code == 200, path
        assert api.operator.get(f"/v1/events/{delivery['event_id']}").status_code == 200
    for path in (
        "/v1/keys",
        "/v1/accounts",
        "/v1/profiles",
        "/v1/audit",
        "/v1/dead-letters",
        "/v1/replays",
        "/v1/statistics",
        "/metrics",
        "/readyz",
        "/openapi.json",
    ):
        assert api.operator.get(path).status_code == 200, path


def wait_for_attempts(world: World, expected: Mapping[str, int]) -> None:
    """Each endpoint has had so many, and the log of them is written."""
    pipeline = world.api.pipeline
    topic = pipeline.topology.attempts

    def missing() -> dict[str, int]:
        made = [attempt.endpoint for attempt in pipeline.attempts()]
        counts = {endpoint: count - made.count(endpoint) for endpoint, count in expected.items()}
        return {endpoint: count for endpoint, count in counts.items() if count > 0}

    def is_written() -> bool:
        return sum(pipeline.committed("recorder", topic).values()) >= len(pipeline.records(topic))

    eventually(lambda: not missing(), seconds=60, text=lambda: f"no attempts: {missing()}")
    eventually(is_written, seconds=60, text=lambda: "the recorder is late")


@pytest.mark.timeout(300)
def test_no_secret_lies_anywhere_in_clear(world: World):
    sent = b"".join(world.outside.requests)
    by_name = world.hidden.by_name
    tokens = [name for name in by_name if name.startswith("access token")]
    used = ("the header", "the bearer token", "the token", *tokens)
    assert tokens
    assert [name for name in used if by_name[name].encode() not in sent] == []
    assert world.found() == []


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_the_search_finds_what_lies_about(world: World):
    planted = world.hidden.keep("planted", unguessable())
    account = world.api.new_account(name=planted)
    hidden_in = b64encode(f"x{planted}y".encode()).decode()
    event = {"account": account, "type": "a.b", "data": {"deep": hidden_in}}
    assert world.api.operator.post("/v1/events", json=event).status_code == 202
    places = [place for place in world.found() if place.endswith(": planted")]
    topology = world.api.pipeline.topology
    for wanted in (topology.accounts, topology.events, "sqlite", "the answer to POST"):
        assert any(wanted in place for place in places), (wanted, places)
