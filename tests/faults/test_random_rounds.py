"""Rounds of random faults on a mixed load: nothing is missing, order holds, repeats are counted."""

from __future__ import annotations

import random
from collections.abc import Generator, Iterator

import pytest

from pipeline.domain.endpoint import Account, Endpoint, Order, RetryPolicy
from tests.faults.conftest import OwnBroker
from tests.faults.random_rounds import (
    Faults,
    Struck,
    choose,
    expected,
    out_of_order,
    repeats_by_fault,
    strike,
    table,
)
from tests.faults.whereabouts import Expected, Whereabouts, number_in, whereabouts
from tests.receiver import Answer, Receiver, Request, receiving
from tests.running_pipeline import Event, RunningPipeline, eventually

OWN = ["own1", "own2"]
SHARED = ["shared1", "shared2", "shared3"]
STRICT = ["strict"]
GROUPS = {"own": (OWN, 150), "shared": (SHARED, 100), "strict": (STRICT, 15)}
"""By account: its endpoints, and how many events it gets in each round."""
FAILING_SHARE = 0.05
MOST_REPEATS_A_ROUND = 600
"""What may be under way: 16 requests for each of six endpoints, what they and the router had done
and not committed; and what a router repeats is at most its round."""


@pytest.fixture
def receiver() -> Generator[Receiver]:
    dice = random.Random(5)  # noqa: S311 - failures, not secrets

    def fail_some(_: Request) -> Answer:
        return Answer(503 if dice.random() < FAILING_SHARE else 204, delay_seconds=0.01)

    with receiving(fail_some) as running:
        yield running


@pytest.mark.faults
@pytest.mark.parametrize(
    ("seed", "rounds", "longest_freeze_seconds"),
    [
        pytest.param(1, 4, 3.0, marks=pytest.mark.timeout(240)),
        pytest.param(2, 30, 20.0, marks=[pytest.mark.soak, pytest.mark.timeout(1800)]),
    ],
)
def test_whatever_happens_nothing_is_missing(
    own_broker: OwnBroker,
    receiver: Receiver,
    seed: int,
    rounds: int,
    longest_freeze_seconds: float,
) -> None:
    dice = random.Random(seed)  # noqa: S311 - faults, not secrets
    pipeline = own_broker.pipeline
    _put_endpoints(pipeline, receiver)
    pipeline.run()
    faults = Faults(own_broker, dice, longest_freeze_seconds)
    struck: list[Struck] = []
    for number, kind in enumerate(choose(dice, list(faults.kinds()), rounds)):
        before = len(receiver.accepted)
        pipeline.publish(_round(number))
        eventually(lambda before=before: len(receiver.accepted) > before, seconds=60)
        struck.append(strike(faults, kind))
        print(f"seed {seed}, round {number}: {kind} {struck[-1].what}")  # noqa: T201 - shown with -s
    found = _wait_until_delivered(pipeline, receiver, _sent(rounds))
    repeats = repeats_by_fault(receiver, struck)
    print(f"seed {seed}: {found}\n{table(struck, repeats)}")  # noqa: T201 - shown with -s
    assert not found.dead
    assert out_of_order(receiver, "strict", number_in) == []
    assert repeats["none"] == 0
    assert repeats.total() == found.repeats <= rounds * MOST_REPEATS_A_ROUND
    assert all(process.poll() is None for process in pipeline.processes.values())


def _put_endpoints(pipeline: RunningPipeline, receiver: Receiver) -> None:
    for account, (names, _) in GROUPS.items():
        pipeline.put_account(Account(account, "twelve-twenty"))
        for name in names:
            pipeline.put_endpoint(
                Endpoint(
                    name,
                    account,
                    "twelve-twenty",
                    pipeline.topology.shared_delivery if names is SHARED else "",
                    url=receiver.url(f"/{name}"),
                    order=Order.STRICT if names is STRICT else Order.NONE,
                    retry=RetryPolicy((1_000,) * 8),
                )
            )


def _round(number: int) -> Iterator[Event]:
    for account, (_, count) in GROUPS.items():
        for n in range(number * count, (number + 1) * count):
            yield {"account": account, "type": "made", "id": f"{account}{n}", "data": {"n": n}}


def _sent(rounds: int) -> set[Expected]:
    return set[Expected]().union(
        *(expected(names, 0, rounds * count) for names, count in GROUPS.values())
    )


def _wait_until_delivered(
    pipeline: RunningPipeline, receiver: Receiver, sent: set[Expected]
) -> Whereabouts:
    """All have come, and all of it is committed."""
    eventually(
        lambda: len({(each.path, each.webhook_id) for each in receiver.accepted}) >= len(sent),
        seconds=120,
        text=lambda: str(whereabouts(pipeline, receiver, sent)),
    )
    found = whereabouts(pipeline, receiver, sent)

    def is_so() -> bool:
        nonlocal found
        found = whereabouts(pipeline, receiver, sent)
        return found.adds_up

    eventually(is_so, seconds=30, text=lambda: str(found))
    return found
