"""A broker without power loses records that it had acknowledged, and that were delivered.

Whoever had read them stands beyond the log's end, or in the middle of records that he never saw.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.conftest import OwnBroker
from tests.faults.lost_end import (
    KEPT,
    LATER,
    LOST,
    check_held_until_told_to_go_on,
    deliver,
    is_held,
    later,
    lose_power,
    publish,
    put_endpoint,
)
from tests.faults.whereabouts import number_in
from tests.receiver import Receiver
from tests.running_pipeline import eventually

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]


@pytest.mark.soak
def test_a_sender_that_had_read_what_was_lost_holds_and_skips_nothing(
    own_broker: OwnBroker, receiver: Receiver, tmp_path: Path
) -> None:
    pipeline = own_broker.pipeline
    topic = put_endpoint(pipeline, receiver)
    pipeline.run("router", "sender")
    deliver(pipeline, receiver, 0, KEPT)
    deliver(pipeline, receiver, KEPT, KEPT + LOST)
    pipeline.stop("router")
    lose_power(own_broker, tmp_path, topic)
    eventually(lambda: is_held(pipeline, topic), seconds=60)
    pipeline.run("router")
    later(pipeline, topic)
    check_held_until_told_to_go_on(pipeline, receiver, topic)


def test_a_sender_that_comes_back_after_what_it_had_read_was_lost_holds_and_skips_nothing(
    own_broker: OwnBroker, receiver: Receiver, tmp_path: Path
) -> None:
    pipeline = own_broker.pipeline
    topic = put_endpoint(pipeline, receiver)
    pipeline.run("router", "sender")
    deliver(pipeline, receiver, 0, KEPT)
    deliver(pipeline, receiver, KEPT, KEPT + LOST)
    pipeline.stop("router", "sender")
    lose_power(own_broker, tmp_path, topic)
    pipeline.run("router")
    later(pipeline, topic)
    pipeline.run("sender")
    check_held_until_told_to_go_on(pipeline, receiver, topic)


@pytest.mark.soak
def test_a_stage_whose_producer_cannot_go_on_begins_anew(
    own_broker: OwnBroker, receiver: Receiver, tmp_path: Path
) -> None:
    pipeline = own_broker.pipeline
    topic = put_endpoint(pipeline, receiver)
    pipeline.run("router", "sender")
    deliver(pipeline, receiver, 0, KEPT)
    deliver(pipeline, receiver, KEPT, KEPT + LOST)
    pipeline.stop("sender")
    # What the broker loses it had from this very producer, whose next record it refuses for good.
    lose_power(own_broker, tmp_path, topic)
    publish(pipeline, KEPT + LOST, KEPT + LOST + LATER)
    eventually(lambda: len(pipeline.records(topic)) >= KEPT + LATER)
    written = [number_in(delivery.body) for delivery in pipeline.deliveries(topic)]
    assert sorted(written) == [*range(KEPT), *range(KEPT + LOST, KEPT + LOST + LATER)]
