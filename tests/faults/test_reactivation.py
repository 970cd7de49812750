"""An inactive endpoint is activated: what waited is sent, slowly at first, or is dropped."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from pipeline.clock import now_ms
from pipeline.domain.endpoint import Account, Endpoint, EndpointStatus, Order, RetryPolicy
from tests.receiver import Answer, Receiver, Request
from tests.running_pipeline import RunningPipeline, eventually

SECONDS = 60.0
WAITING = 40
PROFILE = "twelve-twenty"


def put(pipeline: RunningPipeline, receiver: Receiver, name: str, **fields: object) -> Endpoint:
    pipeline.put_account(Account(name, PROFILE))
    endpoint = Endpoint(name, name, PROFILE, "", url=receiver.url(f"/{name}"))
    return pipeline.put_endpoint(replace(endpoint, **fields))


def publish(pipeline: RunningPipeline, account: str, numbers: range) -> None:
    pipeline.publish(
        {"account": account, "type": "made", "id": f"{account}-{n}", "subject": "one", "data": n}
        for n in numbers
    )


def data_of(request: Request) -> int:
    return int(request.body.rpartition(b":")[2].rstrip(b"}"))


@pytest.mark.faults
@pytest.mark.timeout(240)
def test_what_waited_is_sent_in_order_and_slowly_at_first(
    pipeline: RunningPipeline, receiver: Receiver
) -> None:
    lock = threading.Lock()
    ahead: list[tuple[int, int]] = []

    def note(_: Request) -> Answer:
        with lock:
            ahead.append((receiver.open_now, len(receiver.accepted)))
        return Answer(204, delay_seconds=0.05)

    receiver.behaviour = note
    ordered = put(pipeline, receiver, "ordered", order=Order.STRICT, status=EndpointStatus.INACTIVE)
    pipeline.run("router", "sender")
    publish(pipeline, "ordered", range(WAITING))
    eventually(lambda: len(pipeline.deliveries(ordered.topic)) == WAITING)
    assert receiver.to("/ordered") == []
    pipeline.put_endpoint(replace(ordered, status=EndpointStatus.ACTIVE, status_since_ms=now_ms()))
    requests = receiver.wait_for(WAITING, path="/ordered", seconds=SECONDS)
    assert [data_of(request) for request in requests] == list(range(WAITING))

    eager = put(pipeline, receiver, "eager", status=EndpointStatus.INACTIVE)
    publish(pipeline, "eager", range(WAITING))
    eventually(lambda: len(pipeline.deliveries(eager.topic)) == WAITING)
    receiver.accepted.clear()
    ahead.clear()
    pipeline.put_endpoint(replace(eager, status=EndpointStatus.ACTIVE))
    receiver.wait_for(WAITING, path="/eager", seconds=SECONDS)
    assert max(open_now for open_now, _ in ahead) > 1
    for open_now, accepted in ahead:
        assert open_now <= min(2**accepted, 16), ahead


@pytest.mark.faults
@pytest.mark.timeout(240)
@pytest.mark.parametrize("kind", ["shared", pytest.param("own", marks=pytest.mark.soak)])
def test_what_waited_is_dropped_where_its_owner_says_so(
    pipeline: RunningPipeline, receiver: Receiver, kind: str
) -> None:
    receiver.behaviour = lambda _: Answer(503)
    topic = pipeline.topology.shared_delivery if kind == "shared" else ""
    endpoint = put(pipeline, receiver, kind, topic=topic, retry=RetryPolicy((15_000,)))
    pipeline.run("router", "sender", "scheduler", "recorder")
    publish(pipeline, kind, range(1))
    receiver.wait_for(1, path=f"/{kind}", seconds=SECONDS)  # its retry waits in a tier
    pipeline.put_endpoint(replace(endpoint, status=EndpointStatus.INACTIVE))
    waited = range(1)
    if kind == "own":
        publish(pipeline, kind, range(1, 11))
        eventually(lambda: len(pipeline.deliveries(endpoint.topic)) == 11)
        waited = range(11)
    receiver.behaviour = lambda _: Answer(204)
    pipeline.put_endpoint(replace(endpoint, drop_before_ms=now_ms()))
    publish(pipeline, kind, range(20, 25))
    requests = receiver.wait_for(6, path=f"/{kind}", seconds=SECONDS)
    eventually(lambda: len(pipeline.dead_letters()) == len(waited), seconds=SECONDS)
    assert {letter.reason for letter in pipeline.dead_letters()} == {"dropped"}
    assert sorted(map(data_of, requests[1:])) == list(range(20, 25))
    assert len(receiver.to(f"/{kind}")) == 6
