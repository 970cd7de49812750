"""A change that the API has answered holds for the event that is sent right after the answer.

Two processes of the API: the change goes to one of them and the event to the other, while others
publish as fast as they can.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any

import pytest

from pipeline.domain.endpoint import Account, Endpoint
from tests.receiver import Receiver
from tests.running_pipeline import RunningPipeline

KEY = "the operator's key of a test, long enough"
TIMES = [50, pytest.param(200, marks=pytest.mark.soak)]
FEWER = 50
LAST = 30
NOISE_THREADS = 2
SECONDS = 60.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


class Client:
    """One connection to one process of the API."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=SECONDS)

    def ask(self, method: str, path: str, document: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        body = None if document is None else json.dumps(document).encode()
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        content = answer.read()
        assert answer.status < 300, (method, path, answer.status, content)
        return json.loads(content) if content else None

    def publish(self, **event: Any) -> None:
        self.ask("POST", "/v1/events", {"data": 1, **event})

    def close(self) -> None:
        self._connection.close()


@contextmanager
def noise(port: int) -> Generator[None]:
    """Events for an endpoint of somebody else, as fast as they are answered."""
    ending = threading.Event()

    def publish() -> None:
        client = Client(port)
        while not ending.is_set():
            client.publish(account="noise", type="made")
        client.close()

    threads = [threading.Thread(target=publish) for _ in range(NOISE_THREADS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ending.set()
        for thread in threads:
            thread.join()


@pytest.fixture
def clients(pipeline: RunningPipeline, receiver: Receiver) -> Generator[tuple[Client, Client]]:
    """The one that changes, and the one that publishes beside much noise."""
    pipeline.put_account(Account("noise", "standard-webhooks"))
    pipeline.put_endpoint(
        Endpoint("noise-1", "noise", "twelve-twenty", "", url=receiver.url("/noise"))
    )
    ports = free_port(), free_port()
    for slot, port in enumerate(ports):
        settings = {"PIPELINE_API__PORT": str(port), "PIPELINE_API__OPERATOR_KEY": KEY}
        pipeline.start("api", slot=slot, **settings)
    pipeline.start("router", "sender")
    for stage, slot in (*pipeline.processes,):
        pipeline.wait_ready(stage, slot=slot)
    changing, publishing = Client(ports[0]), Client(ports[1])
    with noise(ports[1]):
        yield changing, publishing
    changing.close()
    publishing.close()


@pytest.mark.faults
@pytest.mark.timeout(400)
@pytest.mark.parametrize("times", TIMES)
def test_an_event_sent_right_after_an_endpoint_was_made_reaches_it(
    clients: tuple[Client, Client], receiver: Receiver, times: int
):
    changing, publishing = clients
    changing.ask("POST", "/v1/accounts", {"id": "acme"})
    for number in range(times):
        endpoint = {"id": f"e-{number}", "url": receiver.url(f"/{number}")}
        changing.ask(
            "POST", "/v1/accounts/acme/endpoints", {**endpoint, "event_types": [f"t.{number}"]}
        )
        publishing.publish(account="acme", type=f"t.{number}")
    for number in range(times):
        assert len(receiver.wait_for(1, path=f"/{number}", seconds=SECONDS)) == 1


@pytest.mark.soak
@pytest.mark.faults
@pytest.mark.timeout(400)
def test_an_event_sent_right_after_an_account_was_made_reaches_its_endpoint(
    clients: tuple[Client, Client], receiver: Receiver
):
    changing, publishing = clients
    for number in range(FEWER):
        changing.ask("POST", "/v1/accounts", {"id": f"a-{number}"})
        endpoint = {"id": f"e-{number}", "url": receiver.url(f"/{number}")}
        changing.ask("POST", f"/v1/accounts/a-{number}/endpoints", endpoint)
        publishing.publish(account=f"a-{number}", type="made")
    for number in range(FEWER):
        receiver.wait_for(1, path=f"/{number}", seconds=SECONDS)


@pytest.mark.soak
@pytest.mark.faults
@pytest.mark.timeout(400)
@pytest.mark.parametrize("times", TIMES)
def test_an_event_sent_right_after_a_star_was_set_or_taken_knows_of_it(
    clients: tuple[Client, Client], receiver: Receiver, times: int
):
    changing, publishing = clients
    changing.ask("POST", "/v1/accounts", {"id": "builder", "profile": "twelve-build"})
    endpoint = {"id": "b", "url": receiver.url("/b"), "event_types": ["Company.*"]}
    changing.ask("POST", "/v1/accounts/builder/endpoints", endpoint)

    def mark(company: int, star: str | None) -> None:
        changing.ask("PUT", f"/v1/accounts/builder/relations/{company}", {"star": star})

    def tell(company: int, number: int) -> None:
        event = {"type": "Company.updated", "subject": f"company/{company}"}
        publishing.publish(account="builder", **event, data={"current": number, "previous": None})

    for company in range(times):
        mark(company, "gold")
        tell(company, company)
    receiver.wait_for(times, path="/b", seconds=SECONDS)
    for company in range(times):
        mark(company, None)
        tell(company, -1)
    # Enough companies for every partition of the events, each behind what is not to come.
    for company in range(LAST):
        mark(company, "green")
        tell(company, times + company)
    requests = receiver.wait_for(times + LAST, path="/b", seconds=SECONDS)
    told = sorted(json.loads(request.body)["current"] for request in requests)
    assert told == list(range(times + LAST))


@pytest.mark.soak
@pytest.mark.faults
@pytest.mark.timeout(400)
def test_nothing_sent_after_an_endpoint_was_removed_or_switched_off_reaches_it(
    clients: tuple[Client, Client], receiver: Receiver
):
    changing, publishing = clients
    changing.ask("POST", "/v1/accounts", {"id": "acme"})
    for number in range(FEWER):
        endpoint = {"id": f"e-{number}", "url": receiver.url(f"/{number}")}
        changing.ask(
            "POST", "/v1/accounts/acme/endpoints", {**endpoint, "event_types": [f"t.{number}"]}
        )
        publishing.publish(account="acme", type=f"t.{number}", id=f"before-{number}")
        receiver.wait_for(1, path=f"/{number}", seconds=SECONDS)
        changing.ask("DELETE", f"/v1/endpoints/e-{number}")
        publishing.publish(account="acme", type=f"t.{number}", id=f"after-{number}")
    changing.ask(
        "POST", "/v1/accounts/acme/endpoints", {"id": "last", "url": receiver.url("/last")}
    )
    publishing.publish(account="acme", type="last")
    receiver.wait_for(1, path="/last", seconds=SECONDS)
    assert [len(receiver.to(f"/{number}")) for number in range(FEWER)] == [1] * (FEWER)
