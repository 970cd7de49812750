"""Garbage in every topic that a stage reads: nothing stops, each is a dead letter."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from pipeline.domain.delivery import Attempt, DeadLetter, Position, Reason
from pipeline.domain.endpoint import Account, Endpoint
from tests.faults.counting import count
from tests.receiver import Receiver
from tests.running_pipeline import RunningPipeline, eventually


@pytest.mark.faults
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("garbage", "mutated"), [(500, 100), pytest.param(10_000, 1_000, marks=pytest.mark.soak)]
)
def test_garbage_in_every_input_topic_stops_nothing(
    pipeline: RunningPipeline, receiver: Receiver, garbage: int, mutated: int
) -> None:
    pipeline.put_account(Account("clean", "twelve-twenty"))
    endpoint = Endpoint("clean-ep", "clean", "twelve-twenty", "", url=receiver.url("/"))
    own_topic = pipeline.put_endpoint(endpoint).topic
    pipeline.run()
    topology = pipeline.topology
    topics = [
        topology.events,
        own_topic,
        topology.shared_delivery,
        topology.retry("1s"),
        topology.attempts,
        topology.dead_letter,
    ]
    pipeline.publish(_events(0, 50))
    for seed, topic in enumerate(topics):
        values = list(_hostile(pipeline, topic, garbage=garbage, mutated=mutated, seed=seed))
        for value in values:
            pipeline.producer.produce(topic, value)
            pipeline.producer.poll(0)
        assert pipeline.producer.flush(60) == 0
    pipeline.publish(_events(50, 100))
    eventually(lambda: not count(pipeline, receiver, "clean", sent=100).missing, seconds=120)
    wanted = len(topics) * (garbage + mutated)
    eventually(
        lambda: len(_undecodable(pipeline)) >= wanted,
        seconds=120,
        text=lambda: f"{len(_undecodable(pipeline))} of {wanted}",
    )
    letters = _undecodable(pipeline)
    assert len({letter.id for letter in letters}) == wanted
    assert all(letter.error and letter.raw is not None for letter in letters)
    assert {letter.source.topic for letter in letters} == set(topics)
    assert all(process.poll() is None for process in pipeline.processes.values())


def _events(first: int, end: int) -> list[dict[str, object]]:
    return [
        {"account": "clean", "type": "made", "id": f"c{n}", "data": {"n": n}}
        for n in range(first, end)
    ]


def _undecodable(pipeline: RunningPipeline) -> list[DeadLetter]:
    return [each for each in pipeline.dead_letters() if each.reason == Reason.UNDECODABLE]


def _hostile(
    pipeline: RunningPipeline, topic: str, *, garbage: int, mutated: int, seed: int
) -> Iterator[bytes]:
    dice = random.Random(seed)  # noqa: S311 - garbage, not secrets
    for _ in range(garbage):
        yield dice.randbytes(dice.randrange(1, 300))
    whole = _sound_record(pipeline, topic)
    for _ in range(mutated):
        # Cut short: a changed byte may well leave a sound record, a missing one never does.
        yield whole[: dice.randrange(1, len(whole) - 1)]


def _sound_record(pipeline: RunningPipeline, topic: str) -> bytes:
    topology, codec = pipeline.topology, pipeline.codec
    if topic == topology.attempts:
        return codec.encode_attempts([_attempt(topic)])
    if topic == topology.dead_letter:
        return codec.encode_dead_letter(DeadLetter("x", "final", 1, Position(topic, 0, 0)))
    if topic == topology.events:
        return b'{"account": "clean", "type": "made", "id": "cut", "data": {"n": 1000000}}'
    eventually(lambda: bool(pipeline.records(topology.delivery("clean-ep"))))
    return pipeline.records(topology.delivery("clean-ep"))[0]


def _attempt(topic: str) -> Attempt:
    return Attempt(
        delivery_id="d",
        webhook_id="w",
        event_id="e",
        event_type="made",
        subject=None,
        account="clean",
        endpoint="clean-ep",
        cause="event",
        cause_id=None,
        occurred_at_us=0,
        attempt=1,
        started_at_ms=0,
        duration_ms=1.0,
        outcome="accepted",
        status=204,
        decision="delivered",
        next_attempt_at_ms=None,
        record=Position(topic, 0, 0),
    )
