"""Publishers to Kafka: what the router reads there, with the partition that keeps the order."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final

from pipeline.adapters.kafka.encoder_compiler import compile_encoder
from pipeline.adapters.kafka.event_producer import OUR_OPTIONS, EventProducer, EventRecord
from pipeline.adapters.kafka.schema_files import version_of
from pipeline.client.async_publisher import AsyncPublisher
from pipeline.client.event import Event
from pipeline.client.failures import UnusableOptions
from pipeline.client.outlet import Limits, Settled
from pipeline.client.publisher import Publisher
from pipeline.domain.delivery import Position
from pipeline.domain.event import Event as PlainEvent
from pipeline.domain.event_document import EVENT_KEYS, KeptInOrder
from pipeline.domain.unpublished import Unpublished
from pipeline.ports import SinkFailed
from pipeline.resources import SCHEMAS_DIR

EVENTS_TOPIC: Final = "webhooks.events"
"""The pipeline's own, with its default prefix."""


class Encoding(StrEnum):
    """What a record is; the router recognises either."""

    AVRO = "avro"
    """schemas/event.avsc in Avro's single-object encoding."""
    JSON = "json"
    """The event as one JSON object."""


def kafka_publisher(  # noqa: PLR0913 - options, all named
    bootstrap_servers: str,
    *,
    topic: str = EVENTS_TOPIC,
    encoding: Encoding = Encoding.AVRO,
    in_order: KeptInOrder = KeptInOrder.SUBJECT,
    options: Mapping[str, str | int | bool] | None = None,
    limits: Limits | None = None,
) -> Publisher:
    """A publisher to Kafka; nobody is asked yet.

    `options` are librdkafka's (SASL, TLS, `client.id`, ...); acknowledgement by all replicas and
    idempotence are fixed. `in_order` is what the pipeline's `PIPELINE_EVENTS__KEY` says.

    Raises:
        UnusableOptions: librdkafka does not take an option, or it is a fixed one.
    """
    limits = limits or Limits()
    producer = _producer({**(options or {}), **_address(bootstrap_servers)}, topic, limits)
    return Publisher(KafkaOutlet(producer, encoding, in_order), limits)


def async_kafka_publisher(  # noqa: PLR0913 - options, all named
    bootstrap_servers: str,
    *,
    topic: str = EVENTS_TOPIC,
    encoding: Encoding = Encoding.AVRO,
    in_order: KeptInOrder = KeptInOrder.SUBJECT,
    options: Mapping[str, str | int | bool] | None = None,
    limits: Limits | None = None,
) -> AsyncPublisher:
    """As `kafka_publisher`, for coroutines."""
    limits = limits or Limits()
    producer = _producer({**(options or {}), **_address(bootstrap_servers)}, topic, limits)
    return AsyncPublisher(KafkaOutlet(producer, encoding, in_order), limits)


class KafkaOutlet:
    """Implements `Outlet`."""

    def __init__(self, producer: EventProducer, encoding: Encoding, in_order: KeptInOrder) -> None:
        self._producer = producer
        self._key = EVENT_KEYS[in_order]
        self._value = _avro_encoder() if encoding is Encoding.AVRO else Event.to_json

    def send(self, event: Event, settled: Settled) -> None:
        def told(found: Position | Unpublished) -> None:
            settled(found if isinstance(found, Unpublished) else None)

        plain = event.plain
        record = EventRecord(self._key(plain.account, plain.subject), self._value(event))
        self._producer.produce(record, told)

    def close(self) -> None:
        self._producer.close()


def _producer(
    connection: Mapping[str, str | int | bool], topic: str, limits: Limits
) -> EventProducer:
    fixed = OUR_OPTIONS.intersection(connection)
    if fixed:
        raise UnusableOptions(f"{', '.join(sorted(fixed))}: fixed by the publisher; leave it out")
    try:
        return EventProducer(connection, topic, give_up_seconds=limits.give_up_seconds)
    except SinkFailed as exc:
        raise UnusableOptions(str(exc)) from exc


def _address(bootstrap_servers: str) -> dict[str, str]:
    if not bootstrap_servers.strip():
        raise UnusableOptions("bootstrap_servers is empty: give host:port, several with commas")
    return {"bootstrap.servers": bootstrap_servers}


def _avro_encoder() -> Callable[[Event], bytes]:
    version = version_of(json.loads((SCHEMAS_DIR / "event.avsc").read_bytes()))
    encode: Callable[[PlainEvent], bytes] = compile_encoder(
        version.declared, {version.record_name: PlainEvent}, prefix=version.header
    )
    return lambda event: encode(event.plain)
