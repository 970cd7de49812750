"""What senders and recorders leave behind, made by a test: deliveries in Kafka, rows in the log."""

from __future__ import annotations

import secrets
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Message, Producer

from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.opening import open_store
from pipeline.adapters.storage.recorder_store import RecorderStore
from pipeline.clock import now_ms
from pipeline.domain.delivery import Attempt, DeadLetter, Delivery, Position
from pipeline.domain.delivery_state import Buried
from tests.api.resource_api import ResourceApi
from tests.storage.builders import a_delivery, a_failure, a_letter, an_attempt


@dataclass
class DeliveryFacts:
    """For one endpoint of an account of its own."""

    api: ResourceApi
    recorder: RecorderStore
    account: str
    endpoint: dict[str, Any]

    @property
    def topic(self) -> str:
        return self.endpoint["topic"]

    def delivery(self, **changes: Any) -> Delivery:
        number = secrets.token_hex(6)
        members = {
            "delivery_id": f"dlv_{number}",
            "webhook_id": f"msg_{number}",
            "event_id": f"evt_{number}",
            "endpoint": self.endpoint["id"],
            "account": self.account,
            "body": b'{"n":1.50}',
            "headers": {"X-Kept": "yes"},
        }
        return a_delivery(**{**members, **changes})

    def produced(self, topic: str, value: bytes, *, key: bytes | None = None) -> Position:
        """Where it lies."""
        found: list[Position] = []

        def note(_: object, message: Message) -> None:
            place = message.partition() or 0, message.offset() or 0
            found.append(Position(topic, *place))

        producer = Producer({**self.api.connection, "log_level": 0})
        producer.produce(topic, value, key or self.endpoint["id"].encode(), on_delivery=note)
        assert producer.flush(30) == 0
        return found[0]

    def tried(self, delivery: Delivery, /, *, is_accepted: bool = True, **changes: Any) -> Attempt:
        """In Kafka and in the log."""
        record = self.produced(self.topic, self.api.codec.encode_delivery(delivery))
        made = an_attempt if is_accepted else a_failure
        attempt = made(
            **{
                "delivery_id": delivery.delivery_id,
                "webhook_id": delivery.webhook_id,
                "event_id": delivery.event_id,
                "event_type": delivery.event_type,
                "subject": delivery.subject,
                "account": delivery.account,
                "endpoint": delivery.endpoint,
                "cause": delivery.cause,
                "cause_id": delivery.cause_id,
                "started_at_ms": now_ms(),
                "record": record,
                **changes,
            }
        )
        self.recorder.write([attempt], [], {})
        return attempt

    def buried(self, delivery: Delivery, /, **changes: Any) -> DeadLetter:
        """As a dead letter, in Kafka and in the log."""
        codec = self.api.codec
        letter = a_letter(
            **{
                "id": delivery.delivery_id,
                "account": delivery.account,
                "endpoint": delivery.endpoint,
                "dead_at_ms": now_ms(),
                "delivery": codec.encode_delivery(delivery),
                **changes,
            }
        )
        topic = self.api.topology.dead_letter
        record = self.produced(topic, codec.encode_dead_letter(letter))
        self.recorder.write([], [Buried(letter, record, delivery if letter.delivery else None)], {})
        return letter


@dataclass(frozen=True)
class LogApi:
    """A running API, and the store of its log."""

    api: ResourceApi
    store: Store

    def facts(self, **members: Any) -> DeliveryFacts:
        """A new account with an endpoint, which has these members."""
        account = self.api.account()
        endpoint = self.api.create(account, **members)
        return DeliveryFacts(self.api, RecorderStore(self.store), account, endpoint)

    @contextmanager
    def ahead(self, later_ms: int) -> Generator[None]:
        """With the API's clock so much later."""
        self.api.ahead_ms = later_ms
        try:
            yield
        finally:
            self.api.ahead_ms = 0


@contextmanager
def recording_store(url: str) -> Generator[Store]:
    """As the recorder has it."""
    store = open_store(url)
    try:
        yield store
    finally:
        store.close()
