"""Publishing through a real API process to a real broker."""

from __future__ import annotations

import time
from collections.abc import Generator

import pytest

from pipeline.client.api import api_publisher, async_api_publisher
from pipeline.client.event import Event
from pipeline.client.failures import NotPublished
from pipeline.flow import Partition, Record
from tests.cli.api_process import OPERATOR_KEY, pipeline_with_api
from tests.cli.command import Shell
from tests.kafka_broker import SessionBroker
from tests.running_pipeline import RunningPipeline, read_all


@pytest.fixture(scope="module")
def pipeline(
    broker: SessionBroker, tmp_path_factory: pytest.TempPathFactory
) -> Generator[RunningPipeline]:
    """With the account `shop`."""
    folder = tmp_path_factory.mktemp("api")
    with pipeline_with_api(broker.bootstrap_servers, folder / "pipeline") as running:
        made = Shell(folder, running.environment).run("accounts", "create", "shop")
        assert made.status == 0, made.err
        yield running


def address(pipeline: RunningPipeline) -> str:
    return f"http://127.0.0.1:{pipeline.settings['PIPELINE_API__PORT']}"


def stored(pipeline: RunningPipeline, subject: str) -> list[Event]:
    topic = pipeline.topology.events
    found: list[Event] = []
    for partition, offset, value in read_all(pipeline.bootstrap_servers, topic):
        record = Record(Partition(topic, partition), offset, None, value, 0)
        event = pipeline.codec.decode_event(record)
        if event.subject == subject:
            found.append(Event(event.account, event.type, 0, id=event.id, subject=event.subject))
    return found


def events_about(subject: str, count: int) -> list[Event]:
    return [Event("shop", "order.paid", number, subject=subject) for number in range(count)]


def test_many_events_are_in_kafka_once_and_in_order(pipeline: RunningPipeline):
    events = events_about("many", 2_500)
    with api_publisher(address(pipeline), OPERATOR_KEY) as publisher:
        begun = time.monotonic()
        assert publisher.publish_all(events) == [event.id for event in events]
        print(f"{len(events) / (time.monotonic() - begun):.0f} events/s")  # noqa: T201 - shown by -s
    assert [event.id for event in stored(pipeline, "many")] == [event.id for event in events]


def test_an_event_that_is_published_twice_is_in_kafka_once(pipeline: RunningPipeline):
    (event,) = events_about("twice", 1)
    for _ in range(2):
        with api_publisher(address(pipeline), OPERATOR_KEY) as publisher:
            assert publisher.publish(Event.from_json(event.to_json())) == event.id
    assert [one.id for one in stored(pipeline, "twice")] == [event.id]


def test_events_of_an_account_that_there_is_not_are_told_and_the_others_are_published(
    pipeline: RunningPipeline,
):
    events = events_about("mixed", 300)
    events[7] = Event("nobody", "order.paid", 7)
    events[290] = Event("nobody", "order.paid", 290)
    with (
        api_publisher(address(pipeline), OPERATOR_KEY) as publisher,
        pytest.raises(NotPublished, match="no account nobody") as failed,
    ):
        publisher.publish_all(events)
    assert {event.id for event in failed.value.refused} == {events[7].id, events[290].id}
    assert failed.value.unacknowledged == []
    assert len(stored(pipeline, "mixed")) == 298


async def test_coroutines_publish_the_same_way_and_a_wrong_key_is_told(pipeline: RunningPipeline):
    (event,) = events_about("async", 1)
    async with async_api_publisher(address(pipeline), OPERATOR_KEY) as publisher:
        assert await publisher.publish(event) == event.id
    async with async_api_publisher(address(pipeline), "nonsense") as publisher:
        with pytest.raises(NotPublished, match="HTTP 401") as failed:
            await publisher.publish(event)
    assert failed.value.refused == [event]
