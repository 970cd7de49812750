"""A steady load: events that a service produces to Kafka, and events that another one posts."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

import httpx
from confluent_kafka import Producer

from pipeline.clock import now_ms
from tests.api.running_api import OPERATOR_KEY
from tests.cluster.plan import ORDERED, encoded, event_of, ordered_event_of, subject_of

GIVEN_UP_AFTER_SECONDS: Final = 90.0
"""An event that nobody has taken for so long is a failure."""

Event = dict[str, Any]


@dataclass
class Load:
    """Publishes one event after the other, so many a second, until it is told to stop."""

    a_second: int
    numbers: Iterable[int]
    """In `data.n`."""
    publish: Callable[[int], None]
    at: dict[int, float] = field(default_factory=dict[int, float])
    """By number, when it was first handed over; seconds since the epoch."""
    failures: list[BaseException] = field(default_factory=list[BaseException])
    _ending: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def running(self) -> Generator[None]:
        """Raises what had gone wrong, unless the block has failed itself."""
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ending.set()
            thread.join(2 * GIVEN_UP_AFTER_SECONDS)
        assert not thread.is_alive()
        assert self.failures == []

    def _run(self) -> None:
        began = time.monotonic()
        try:
            for place, number in enumerate(self.numbers):
                due = began + place / self.a_second
                if self._ending.wait(max(0.0, due - time.monotonic())):
                    return
                self.at[number] = now_ms() / 1000
                self.publish(number)
        except BaseException as exc:  # noqa: BLE001 - what ends the thread fails the test
            self.failures.append(exc)


@dataclass
class KafkaEvents:
    """Straight to Kafka, by a producer with its own rights."""

    producer: Producer
    topic: str
    refused: list[object] = field(default_factory=list[object])

    def publish(self, event: Event, *, key: str) -> None:
        refused = self.refused  # not `self`: a librdkafka client must be in no cycle

        def told(error: object, _: object) -> None:
            if error is not None:
                refused.append(error)

        self.producer.produce(self.topic, encoded(event), key.encode(), on_delivery=told)
        self.producer.poll(0)

    def wait_acknowledged(self) -> None:
        assert self.producer.flush(GIVEN_UP_AFTER_SECONDS) == 0
        assert self.refused == []


@dataclass
class ApiEvents:
    """To one API process or the next: whoever does not take an event is passed over."""

    http: httpx.Client
    urls: Sequence[str]
    again: Counter[str] = field(default_factory=Counter[str])
    """Why a request was made again."""
    _turn: int = 0

    def publish(self, event: Event) -> None:
        deadline = time.monotonic() + GIVEN_UP_AFTER_SECONDS
        self._turn += 1
        while (why := self._refusal(event)) is not None:
            self.again[why] += 1
            assert time.monotonic() < deadline, self.again
            self._turn += 1
            threading.Event().wait(0.05)

    def _refusal(self, event: Event) -> str | None:
        url = self.urls[self._turn % len(self.urls)]
        try:
            answer = self.http.post(f"{url}/v1/events", json=event)
        except httpx.TransportError as exc:
            return type(exc).__name__
        if answer.status_code == 202:
            return None
        assert answer.status_code == 503, answer.text
        return "503"


@dataclass(frozen=True)
class SteadyLoad:
    """All of it; rates are events a second."""

    produced: Load
    posted: Load
    ordered: Load
    api: ApiEvents

    @property
    def unordered(self) -> list[Load]:
        return [self.produced, self.posted]

    @property
    def published_at(self) -> dict[int, float]:
        """By number, without those of the strict endpoint."""
        return {**self.produced.at, **self.posted.at}


@contextmanager
def steady_load(producer: Producer, topic: str, urls: Sequence[str]) -> Generator[SteadyLoad]:
    """Running within the block; at its end everything is acknowledged."""
    kafka = KafkaEvents(producer, topic)
    with (
        httpx.Client(headers={"Authorization": f"Bearer {OPERATOR_KEY}"}, timeout=30) as http,
        ExitStack() as running,
    ):
        api = ApiEvents(http, urls)
        load = SteadyLoad(
            Load(20, count(0, 2), lambda n: kafka.publish(event_of(n), key=subject_of(n))),
            Load(5, count(1, 2), lambda n: api.publish(event_of(n))),
            Load(5, count(), lambda n: kafka.publish(ordered_event_of(n), key=ORDERED)),
            api,
        )
        running.callback(kafka.wait_acknowledged)
        for each in (load.produced, load.posted, load.ordered):
            running.enter_context(each.running())
        yield load
