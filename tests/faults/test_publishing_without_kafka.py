"""Kafka goes away while events are published by the API."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pipeline.adapters.embedded_kafka.broker import EmbeddedKafka
from tests.api.event_api import Answered, EventApi, event_api
from tests.running_pipeline import eventually

PUBLISHERS = 8
ANSWER_SECONDS = 15.0


class Publishing:
    """Publishers that go on and on; each notes what it was answered for which id."""

    def __init__(self, api: EventApi) -> None:
        self._api = api
        self._ending = threading.Event()
        self.answers: list[tuple[str, Answered, float]] = []
        self._threads = [
            threading.Thread(target=self._publish, args=(number,)) for number in range(PUBLISHERS)
        ]
        for thread in self._threads:
            thread.start()

    def _publish(self, number: int) -> None:
        count = 0
        while not self._ending.is_set():
            count += 1
            event_id = f"{number}-{count}"
            began_at = time.monotonic()
            answered = self._api.publish(id=event_id)
            self.answers.append((event_id, answered, time.monotonic() - began_at))

    def accepted(self) -> list[str]:
        return [event_id for event_id, answered, _ in list(self.answers) if answered.status == 202]

    def failed(self) -> list[str]:
        return [event_id for event_id, answered, _ in list(self.answers) if answered.status != 202]

    def end(self) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()


@pytest.mark.faults
@pytest.mark.timeout(300)
def test_what_was_answered_202_is_there_and_all_else_was_answered_503(tmp_path: Path):
    kafka = EmbeddedKafka(tmp_path / "broker")
    servers = kafka.start()
    try:
        with event_api(servers, tmp_path / "api") as api:
            publishing = Publishing(api)
            try:
                eventually(lambda: len(publishing.accepted()) > 200)
                assert kafka.pid is not None
                os.kill(kafka.pid, signal.SIGKILL)
                eventually(lambda: kafka.poll() is not None)
                eventually(lambda: len(publishing.failed()) >= PUBLISHERS)
                kafka.start()
                accepted = len(publishing.accepted())
                eventually(lambda: len(publishing.accepted()) > accepted + 200)
            finally:
                publishing.end()
            check_answers(publishing)
            again = publish_again(api, publishing.failed())
            counts = Counter(one.event.id for one in api.published())
    finally:
        kafka.stop()
    for event_id in [*publishing.accepted(), *again]:
        assert counts[event_id] >= 1, event_id
    assert max(counts[event_id] for event_id in publishing.accepted()) == 1


def check_answers(publishing: Publishing) -> None:
    for event_id, answered, took_seconds in publishing.answers:
        assert took_seconds < ANSWER_SECONDS
        assert answered.status in (202, 503)
        if answered.status == 503:
            assert int(answered.headers["retry-after"]) > 0
            assert event_id in answered.body["detail"]


def publish_again(api: EventApi, event_ids: list[str]) -> list[str]:
    for event_id in event_ids:
        assert api.publish(id=event_id).status == 202
    return event_ids


@pytest.mark.soak
@pytest.mark.faults
@pytest.mark.timeout(300)
def test_a_batch_that_was_not_acknowledged_comes_again_with_the_same_ids(tmp_path: Path):
    event: dict[str, Any] = {"account": "acme", "type": "invoice.paid", "data": 1}
    batch = {"events": [event] * 300}
    headers = {"Idempotency-Key": "one"}
    kafka = EmbeddedKafka(tmp_path / "broker")
    servers = kafka.start()
    try:
        with event_api(servers, tmp_path / "api") as api:
            kafka.stop()
            refused = api.post("/v1/events/batch", batch, headers=headers)
            assert refused.status == 503
            assert "retry-after" in refused.headers
            kafka.start()
            eventually(lambda: api.publish().status == 202)
            before = len(api.published())
            answered = api.post("/v1/events/batch", batch, headers=headers)
            again = api.post("/v1/events/batch", batch, headers=headers)
            published = [one.event.id for one in api.published()][before:]
    finally:
        kafka.stop()
    assert (answered.status, again.status) == (202, 202)
    assert answered.body == again.body
    # Of the batch that was refused nothing came later.
    assert sorted(published) == sorted(answered.body["ids"])


@pytest.mark.soak
@pytest.mark.faults
@pytest.mark.timeout(300)
def test_a_broker_that_hangs_is_not_waited_for_longer_than_ten_seconds(tmp_path: Path):
    kafka = EmbeddedKafka(tmp_path / "broker")
    servers = kafka.start()
    assert kafka.pid is not None
    try:
        with event_api(servers, tmp_path / "api") as api:
            assert api.publish().status == 202
            os.kill(kafka.pid, signal.SIGSTOP)
            try:
                began_at = time.monotonic()
                answered = api.publish(id="waited")
                took_seconds = time.monotonic() - began_at
            finally:
                os.kill(kafka.pid, signal.SIGCONT)
            assert answered.status == 503
            assert took_seconds < ANSWER_SECONDS
            eventually(lambda: api.publish(id="waited").status == 202, seconds=60)
    finally:
        kafka.stop()
