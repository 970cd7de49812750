"""Requests to publish that nobody means well: each is answered, and the next one is served."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.event_api import OPERATOR_KEY, EventApi, event_api
from tests.kafka_broker import SessionBroker

EVENT: dict[str, Any] = {"account": "acme", "type": "invoice.paid", "data": {"id": 1}}
CHUNK = b"%x\r\n" % 65_536 + b"x" * 65_536 + b"\r\n"
PATHS = ("/v1/events", "/v1/events/batch")


@pytest.fixture(scope="module")
def api(broker: SessionBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventApi]:
    with event_api(broker.bootstrap_servers, tmp_path_factory.mktemp("api")) as running:
        yield running


@pytest.fixture(autouse=True)
def _served_afterwards(api: EventApi) -> Iterator[None]:
    yield
    assert api.publish().status == 202


def head(path: str, *more: str) -> bytes:
    lines = (
        f"POST {path} HTTP/1.1",
        "Host: api",
        f"Authorization: Bearer {OPERATOR_KEY}",
        "Content-Type: application/json",
        *more,
        "\r\n",
    )
    return "\r\n".join(lines).encode()


def read_status(connection: socket.socket) -> int:
    with connection.makefile("rb") as answer:
        return int(answer.readline().split()[1])


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 129 + b"]" * 129,
        b"[" * 1_000_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b'"\\ud800"',
        b"NaN",
        b"01",
        b"1e",
        b"'a'",
        b'"\x00"',
        b"{a:1}",
        b"[1,]",
        b"/**/1",
        b"",
    ],
)
def test_data_that_is_no_good_json_is_refused(api: EventApi, data: bytes):
    event = b'{"account":"acme","type":"t","data":%b}' % data
    assert api.post("/v1/events", event).status in (400, 422)
    assert api.post("/v1/events/batch", b'{"events":[%b]}' % event).status in (400, 422)


@pytest.mark.parametrize(
    "data",
    [
        b"1" * 100_000,
        b"-0.0",
        b"1e99999",
        b'{"a":1,"a":2}',
        b'"' + b"\\u0000" * 10_000 + b'"',
        b"[" * 128 + b"]" * 128,
        "\U0010ffff".join('""').encode(),
    ],
)
def test_odd_data_is_published_as_it_came(api: EventApi, data: bytes):
    answered = api.post("/v1/events", b'{"account":"acme","type":"odd","data":%b}' % data)
    assert answered.status == 202
    (found,) = (one for one in api.published() if one.event.id == answered.body["id"])
    assert found.event.data == data


@pytest.mark.parametrize("path", PATHS)
def test_a_body_that_declares_too_much_is_refused_unread(api: EventApi, path: str):
    with socket.create_connection(("127.0.0.1", api.port), timeout=30) as connection:
        connection.sendall(head(path, "Content-Length: 16777217"))
        assert read_status(connection) == 413


@pytest.mark.parametrize("path", PATHS)
def test_a_body_in_chunks_is_refused_as_soon_as_it_is_too_large(api: EventApi, path: str):
    with socket.create_connection(("127.0.0.1", api.port), timeout=30) as connection:
        connection.sendall(head(path, "Transfer-Encoding: chunked"))
        threading.Thread(target=flood, args=(connection,), daemon=True).start()
        assert read_status(connection) == 413


def flood(connection: socket.socket) -> None:
    """Until nobody takes it any more, or 64 MiB."""
    try:
        for _ in range(1024):
            connection.sendall(CHUNK)
    except OSError:
        return


@pytest.mark.parametrize("path", PATHS)
def test_a_client_that_leaves_within_its_body_is_forgotten(api: EventApi, path: str):
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", api.port), timeout=30) as connection:
            connection.sendall(head(path, "Content-Length: 1000") + b'{"account"')


def test_an_event_is_published_although_its_client_has_gone(api: EventApi):
    body = json.dumps({**EVENT, "id": "left"}).encode()
    with socket.create_connection(("127.0.0.1", api.port), timeout=30) as connection:
        connection.sendall(head("/v1/events", f"Content-Length: {len(body)}") + body)
    deadline = time.monotonic() + 30
    while all(one.event.id != "left" for one in api.published()):
        assert time.monotonic() < deadline


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_a_body_of_another_type_is_refused(api: EventApi, kind: str | None):
    headers = {} if kind is None else {"Content-Type": kind}
    body = json.dumps(EVENT).encode()
    lines = [f"{name}: {value}" for name, value in headers.items()]
    request = b"\r\n".join(
        [
            b"POST /v1/events HTTP/1.1",
            b"Host: api",
            f"Authorization: Bearer {OPERATOR_KEY}".encode(),
            f"Content-Length: {len(body)}".encode(),
            *[line.encode() for line in lines],
            b"",
            body,
        ]
    )
    with socket.create_connection(("127.0.0.1", api.port), timeout=30) as connection:
        connection.sendall(request)
        assert read_status(connection) == 415


def test_a_thousand_wrong_events_are_told_without_drowning(api: EventApi):
    events = [{**EVENT, "type": "a b", "x" * 1000: 1}] * 1000
    answered = api.post("/v1/events/batch", {"events": events})
    assert answered.status == 422
    assert len(answered.body["errors"]) == 100
