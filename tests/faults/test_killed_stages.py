"""kill -9 of the stages, one by one and all together: nothing is lost, few requests repeat."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Generator

import pytest

from pipeline.domain.endpoint import Account, Endpoint, RetryPolicy
from tests.faults.counting import count
from tests.receiver import Answer, Receiver, Request, receiving
from tests.running_pipeline import STAGES, RunningPipeline, eventually

IN_FLIGHT = 64
DELAY_SECONDS = 0.05
UNFINISHED = 8 * IN_FLIGHT
"""What may be under way when a sender dies: requests open, and answers whose attempt the brokers do
not have yet, at some 1,200 a second: 50 ms of them, or a third of a second where brokers are busy.
Without commits it would be all that was sent before."""


@pytest.fixture
def receiver() -> Generator[Receiver]:
    dice = random.Random(20)  # noqa: S311 - failures, not secrets

    def fail_one_in_twenty(_: Request) -> Answer:
        return Answer(503 if dice.random() < 0.05 else 204, delay_seconds=DELAY_SECONDS)

    with receiving(fail_one_in_twenty) as running:
        yield running


@pytest.mark.faults
@pytest.mark.timeout(300)
@pytest.mark.parametrize("deliveries", [4_000, pytest.param(20_000, marks=pytest.mark.soak)])
def test_killing_every_stage_loses_nothing(
    pipeline: RunningPipeline, receiver: Receiver, deliveries: int
) -> None:
    pipeline.put_account(Account("kills", "twelve-twenty"))
    pipeline.put_endpoint(
        Endpoint(
            "kills-ep",
            "kills",
            "twelve-twenty",
            "",
            url=receiver.url("/"),
            max_in_flight=IN_FLIGHT,
            retry=RetryPolicy((1_000,) * 8),
        )
    )
    pipeline.run()
    pipeline.publish(
        {"account": "kills", "type": "made", "id": f"k{number}", "data": {"n": number}}
        for number in range(deliveries)
    )
    sender_kills = 0
    rounds = [("sender",), ("router",), ("scheduler",), ("recorder",), STAGES]
    for number, stages in enumerate(rounds, 1):
        share = deliveries * number // (len(rounds) + 1)
        eventually(lambda share=share: len(receiver.accepted) >= share, seconds=120)
        pipeline.kill(*stages)
        sender_kills += "sender" in stages
        pipeline.start(*stages)
    eventually(
        lambda: not count(pipeline, receiver, "kills", sent=deliveries).missing,
        seconds=120,
        text=lambda: str(count(pipeline, receiver, "kills", sent=deliveries)),
    )
    counted = count(pipeline, receiver, "kills", sent=deliveries)
    print(f"{counted.repeats} repeated by {sender_kills} kills")  # noqa: T201 - shown with -s
    assert counted.repeats <= sender_kills * UNFINISHED
    assert not counted.dead
    topic = pipeline.topology.delivery("kills-ep")
    eventually(lambda: sum(pipeline.committed("sender", topic).values()) >= deliveries)
    eventually(
        lambda: len(_logged(pipeline)) == deliveries, text=lambda: str(len(_logged(pipeline)))
    )


def _logged(pipeline: RunningPipeline) -> set[str]:
    """Deliveries that the store has as delivered."""
    with sqlite3.connect(pipeline.data_dir / "store.sqlite") as store:
        rows = store.execute("select id from deliveries where state = 60").fetchall()
    return {row[0] for row in rows}
