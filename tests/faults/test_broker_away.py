"""The broker goes away under load, politely and not: all resumes by itself, nothing is missing."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable

import pytest

from pipeline.adapters.embedded_kafka.broker import EmbeddedKafka
from pipeline.domain.endpoint import Account, Endpoint
from tests.faults.conftest import OwnBroker
from tests.faults.counting import count
from tests.receiver import Answer, Receiver
from tests.running_pipeline import eventually

DELIVERIES = 2_000
AWAY_SECONDS = 8.0


def stop(kafka: EmbeddedKafka) -> None:
    kafka.stop()


def kill(kafka: EmbeddedKafka) -> None:
    assert kafka.pid is not None
    os.kill(kafka.pid, signal.SIGKILL)
    eventually(lambda: kafka.poll() is not None)


@pytest.mark.faults
@pytest.mark.timeout(300)
@pytest.mark.parametrize("take_away", [pytest.param(stop, marks=pytest.mark.soak), kill])
@pytest.mark.parametrize("away_seconds", [AWAY_SECONDS, pytest.param(30.0, marks=pytest.mark.soak)])
def test_nothing_is_missing_after_the_broker_was_away(
    own_broker: OwnBroker,
    receiver: Receiver,
    take_away: Callable[[EmbeddedKafka], None],
    away_seconds: float,
) -> None:
    kafka, pipeline = own_broker.kafka, own_broker.pipeline
    receiver.behaviour = lambda _: Answer(delay_seconds=0.02)
    pipeline.put_account(Account("away", "twelve-twenty"))
    endpoint = Endpoint("away-ep", "away", "twelve-twenty", "", url=receiver.url("/"))
    pipeline.put_endpoint(endpoint)
    pipeline.run()
    pipeline.publish(
        {"account": "away", "type": "made", "id": f"a{number}", "data": {"n": number}}
        for number in range(DELIVERIES)
    )
    receiver.wait_for(DELIVERIES // 10)
    take_away(kafka)
    _wait_away(away_seconds)
    kafka.start()
    eventually(
        lambda: not count(pipeline, receiver, "away", sent=DELIVERIES).missing,
        seconds=120,
        text=lambda: str(count(pipeline, receiver, "away", sent=DELIVERIES)),
    )
    pids = {key: process.pid for key, process in pipeline.processes.items()}
    assert all(process.poll() is None for process in pipeline.processes.values()), pids
    topic = pipeline.topology.delivery("away-ep")
    eventually(lambda: sum(pipeline.committed("sender", topic).values()) >= DELIVERIES, seconds=60)
    assert len({r.webhook_id for r in receiver.accepted}) == DELIVERIES


def _wait_away(seconds: float) -> None:
    """What is tested is the time without a broker, so it has to pass."""
    threading.Event().wait(seconds)


@pytest.mark.soak
@pytest.mark.faults
@pytest.mark.timeout(120)
def test_stages_end_in_time_although_the_broker_hangs(
    own_broker: OwnBroker, receiver: Receiver
) -> None:
    kafka, pipeline = own_broker.kafka, own_broker.pipeline
    pipeline.put_account(Account("hangs", "twelve-twenty"))
    pipeline.put_endpoint(Endpoint("hangs-ep", "hangs", "twelve-twenty", "", url=receiver.url("/")))
    pipeline.run()
    pipeline.publish(
        {"account": "hangs", "type": "made", "id": f"h{n}", "data": {"n": n}} for n in range(10)
    )
    receiver.wait_for(10)
    assert kafka.pid is not None
    os.kill(kafka.pid, signal.SIGSTOP)
    try:
        for stage in ("router", "sender", "scheduler", "recorder"):
            pipeline.signal(stage, signal.SIGTERM)
        eventually(
            lambda: all(each.poll() is not None for each in pipeline.processes.values()),
            seconds=30,
            text=lambda: str({k: p.poll() for k, p in pipeline.processes.items()}),
        )
    finally:
        os.kill(kafka.pid, signal.SIGCONT)
