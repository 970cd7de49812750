"""Publishing to a real broker: what is acknowledged is there, and what is not is told."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import defaultdict
from collections.abc import Awaitable

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from pipeline.client.event import Event
from pipeline.client.failures import BufferFull, NotPublished, PublisherClosed, UnusableOptions
from pipeline.client.kafka import Encoding, async_kafka_publisher, kafka_publisher
from pipeline.client.outlet import Limits
from pipeline.domain.event import Event as PlainEvent
from pipeline.domain.unpublished import Fate
from pipeline.flow import Partition, Record
from tests.running_pipeline import RunningPipeline, eventually, read_all

UNREACHABLE = "127.0.0.1:9"
SOON = Limits(give_up_seconds=1.0)


def an_event(number: int = 1, *, subject: str | None = None) -> Event:
    return Event("shop", "order.paid", {"id": number}, subject=subject)


def stored(pipeline: RunningPipeline) -> list[tuple[int, PlainEvent]]:
    """Partition and event of every record, as the router reads them."""
    topic = pipeline.topology.events
    return [
        (
            partition,
            pipeline.codec.decode_event(
                Record(Partition(topic, partition), offset, None, value, 0)
            ),
        )
        for partition, offset, value in read_all(pipeline.bootstrap_servers, topic)
    ]


@pytest.mark.parametrize("encoding", list(Encoding))
def test_the_router_reads_the_very_event_that_was_published(
    pipeline: RunningPipeline, encoding: Encoding
):
    event = Event(
        *("shop", "order.paid", {"total": 49.90}),
        subject="order/1",
        metadata={"region": "eu"},
    )
    topic = pipeline.topology.events
    with kafka_publisher(pipeline.bootstrap_servers, topic=topic, encoding=encoding) as publisher:
        assert publisher.publish(event) == event.id
        assert [found for _, found in stored(pipeline)] == [event.plain]
    first = read_all(pipeline.bootstrap_servers, topic)[0][2][:2]
    assert first == (b"\xc3\x01" if encoding is Encoding.AVRO else b'{"')


def test_events_of_one_subject_lie_in_one_partition_in_their_order(pipeline: RunningPipeline):
    events = [an_event(number, subject=f"order/{number % 5}") for number in range(100)]
    topic = pipeline.topology.events
    with kafka_publisher(pipeline.bootstrap_servers, topic=topic) as publisher:
        assert publisher.publish_all(events) == [event.id for event in events]
    places: dict[str | None, set[int]] = defaultdict(set)
    order: dict[str | None, list[str]] = defaultdict(list)
    for partition, event in stored(pipeline):
        places[event.subject].add(partition)
        order[event.subject].append(event.id)
    assert {len(partitions) for partitions in places.values()} == {1}
    for subject, ids in order.items():
        assert ids == [event.id for event in events if event.subject == subject]


def test_a_command_and_the_client_choose_the_same_partition(pipeline: RunningPipeline):
    topic = pipeline.topology.events
    subjects = [f"order/{number}" for number in range(20)]
    with kafka_publisher(pipeline.bootstrap_servers, topic=topic) as publisher:
        publisher.publish_all(an_event(subject=subject) for subject in subjects)
    for subject in subjects:  # RunningPipeline's producer partitions as Java's do
        pipeline.producer.produce(topic, an_event(subject=subject).to_json(), f"shop/{subject}")
    assert pipeline.producer.flush(30) == 0
    places: dict[str | None, set[int]] = defaultdict(set)
    for partition, event in stored(pipeline):
        places[event.subject].add(partition)
    assert {len(partitions) for partitions in places.values()} == {1}


def test_an_event_that_is_published_twice_has_one_id(pipeline: RunningPipeline):
    event = an_event()
    with kafka_publisher(pipeline.bootstrap_servers, topic=pipeline.topology.events) as publisher:
        publisher.publish(event)
        publisher.publish(Event.from_json(event.to_json()))
    first, second = (found for _, found in stored(pipeline))
    assert first == second


async def test_coroutines_publish_the_same_way(pipeline: RunningPipeline):
    events = [an_event(number) for number in range(300)]
    limits = Limits(most_events=10)
    async with async_kafka_publisher(
        pipeline.bootstrap_servers, topic=pipeline.topology.events, limits=limits
    ) as publisher:
        ids = await asyncio.gather(*(publisher.publish(event) for event in events[:100]))
        ids += await publisher.publish_all(events[100:200])
        futures = [await publisher.send(event) for event in events[200:]]
        await publisher.flush()
        ids += await asyncio.gather(*futures)
    assert ids == [event.id for event in events]
    assert {event.id for _, event in stored(pipeline)} == set(ids)


def test_what_was_sent_is_there_after_a_flush(pipeline: RunningPipeline):
    events = [an_event(number) for number in range(500)]
    with kafka_publisher(pipeline.bootstrap_servers, topic=pipeline.topology.events) as publisher:
        futures = [publisher.send(event) for event in events]
        publisher.flush(timeout_seconds=30)
        assert [future.result(0) for future in futures] == [event.id for event in events]
        assert len(stored(pipeline)) == 500


def test_what_the_broker_refuses_is_told_and_the_others_are_published(pipeline: RunningPipeline):
    topic = f"{pipeline.prefix}small"
    admin = AdminClient({"bootstrap.servers": pipeline.bootstrap_servers})
    created = admin.create_topics(  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - its futures have no type
        [NewTopic(topic, 1, 1, config={"max.message.bytes": "1000"})]
    )
    created[topic].result(20)
    large = Event("shop", "order.paid", "x" * 2_000)
    with kafka_publisher(pipeline.bootstrap_servers, topic=topic) as publisher:
        publisher.publish(an_event(1))
        with pytest.raises(NotPublished, match=large.id) as failed:
            publisher.publish(large)
        publisher.publish(an_event(2))
    assert (failed.value.refused, failed.value.unacknowledged) == ([large], [])
    assert len(read_all(pipeline.bootstrap_servers, topic)) == 2


def test_without_a_broker_everything_is_told_within_its_time():
    events = [an_event(number) for number in range(5)]
    begun = time.monotonic()
    with kafka_publisher(UNREACHABLE, limits=SOON) as publisher:
        with pytest.raises(NotPublished, match="5 of 5 events not acknowledged") as failed:
            publisher.publish_all(events)
        assert failed.value.unacknowledged == events
        assert UNREACHABLE in failed.value.failures[0].reason
        assert failed.value.refused == []
    assert time.monotonic() - begun < 10


def test_the_first_event_that_is_not_acknowledged_stops_those_after_it():
    events = [an_event(number) for number in range(50)]
    limits = Limits(give_up_seconds=1.0, most_events=5)
    begun = time.monotonic()
    with (
        kafka_publisher(UNREACHABLE, limits=limits) as publisher,
        pytest.raises(NotPublished) as failed,
    ):
        publisher.publish_all(events)
    fates = [failure.fate for failure in failed.value.failures]
    assert sorted(failed.value.unacknowledged, key=events.index) == events
    assert Fate.UNCERTAIN in fates
    assert Fate.UNSENT in fates
    assert time.monotonic() - begun < 10


def test_a_failure_that_nobody_looked_at_is_told_by_the_next_flush_and_only_there():
    with kafka_publisher(UNREACHABLE, limits=SOON) as publisher:
        event = an_event()
        future = publisher.send(event)
        eventually(future.done)
        with pytest.raises(NotPublished, match=event.id):
            publisher.flush()
        publisher.flush()


def test_closing_ends_within_its_limit_and_leaves_nothing_open():
    publisher = kafka_publisher(UNREACHABLE)
    event = an_event()
    future = publisher.send(event)
    begun = time.monotonic()
    with pytest.raises(NotPublished, match=event.id):
        publisher.close(timeout_seconds=0.2)
    assert time.monotonic() - begun < 10
    assert isinstance(future.exception(0), NotPublished)
    with pytest.raises(PublisherClosed):
        publisher.publish(an_event())
    publisher.close()


def test_a_failure_at_the_end_does_not_hide_what_ended_the_block():
    def send_and_fail() -> None:
        with kafka_publisher(UNREACHABLE, limits=SOON) as publisher:
            publisher.send(an_event())
            raise KeyError("mine")

    with pytest.raises(KeyError) as ended:
        send_and_fail()
    assert any("not acknowledged" in note for note in ended.value.__notes__)


def test_who_finds_no_room_for_too_long_is_told_that_the_event_was_not_taken():
    limits = Limits(give_up_seconds=1.0, most_events=1)
    told: list[Exception] = []

    def publish() -> None:
        try:
            publisher.publish(an_event())
        except (BufferFull, NotPublished) as exc:
            told.append(exc)

    with kafka_publisher(UNREACHABLE, limits=limits) as publisher:
        threads = [threading.Thread(target=publish) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert len(told) == 4
    assert {type(exc) for exc in told} == {BufferFull, NotPublished}


async def test_a_coroutine_that_stops_waiting_takes_no_room_with_it():
    limits = Limits(give_up_seconds=1.0, most_events=1)
    async with async_kafka_publisher(UNREACHABLE, limits=limits) as publisher:
        async with asyncio.TaskGroup() as tasks:
            first = tasks.create_task(_failure(publisher.publish(an_event())))
            second = tasks.create_task(_failure(publisher.publish(an_event())))
            await asyncio.sleep(0)
            second.cancel()
        assert isinstance(first.result(), NotPublished)
        assert isinstance(await _failure(publisher.publish(an_event())), NotPublished)


async def _failure(publishing: Awaitable[str]) -> Exception | None:
    try:
        await publishing
    except (BufferFull, NotPublished) as exc:
        return exc
    return None


@pytest.mark.parametrize(
    ("options", "named"),
    [({"acks": "1"}, "acks"), ({"ack": "all"}, "ack"), ({"enable.idempotence": False}, "idemp")],
)
def test_options_that_break_the_promise_or_do_not_exist_are_refused(
    options: dict[str, str | int | bool], named: str
):
    with pytest.raises(UnusableOptions, match=named):
        kafka_publisher(UNREACHABLE, options=options)
