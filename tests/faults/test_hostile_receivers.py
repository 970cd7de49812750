"""Receivers that do their worst, all at once: each gets what it earns, a fast one gets all."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import psutil
import pytest

from pipeline.domain.delivery import Attempt, Decision, Outcome, Reason
from pipeline.domain.endpoint import Account, Endpoint, RetryPolicy
from tests.faults.hostile_receivers import HostileReceivers, gzip_bomb, hostile_receivers
from tests.faults.whereabouts import Expected, whereabouts
from tests.receiver import Receiver
from tests.running_pipeline import Event, RunningPipeline, eventually

EACH = 4
"""To every hostile one: with two attempts too few failures to open a circuit."""
TO_ONE_THAT_IS_DOWN = 40
TO_THE_FAST_ONE = 600
TIMEOUT_MS = 3_000
"""One thread answers for all that is hostile here: a head of an answer may take it a while."""
TWO_ATTEMPTS = RetryPolicy((1_000,))
KEPT_BODY_BYTES = 16_384
MOST_WRITTEN_BYTES = 16 << 20
"""What is read of a body is 80 KiB; the rest of it are the two kernels' buffers."""
MOST_MEMORY_BYTES = 300 << 20
FAST = "fast"


class Earned(NamedTuple):
    """What an attempt at a hostile receiver gives."""

    outcome: str
    status: int | None = None
    error: str = ""


EARNED = {
    "resets": Earned(Outcome.UNREACHABLE, error="the connection"),
    "drips-body": Earned(Outcome.TIMED_OUT, error="in the middle of the answer (status 200)"),
    "drips-head": Earned(Outcome.TIMED_OUT, error=f"within {TIMEOUT_MS} ms"),
    "garbage": Earned(Outcome.UNREACHABLE, error="not valid HTTP/1"),
    "enormous": Earned(Outcome.REFUSED, 503),
    "bomb": Earned(Outcome.REFUSED, 500),
    "endless-headers": Earned(Outcome.UNREACHABLE, error="not valid HTTP/1"),
    "interim-flood": Earned(Outcome.UNREACHABLE, error="not valid HTTP/1"),
    "redirects": Earned(Outcome.REFUSED, 307),
    "early": Earned(Outcome.REFUSED, 413),
    "forbidden": Earned(Outcome.BLOCKED),
}


@pytest.mark.faults
@pytest.mark.timeout(240)
@pytest.mark.parametrize("kind", ["shared", pytest.param("own", marks=pytest.mark.soak)])
def test_each_hostile_receiver_gets_what_it_earns_and_a_fast_one_gets_all_its_deliveries(
    pipeline: RunningPipeline, receiver: Receiver, kind: str
) -> None:
    bomb = gzip_bomb()
    with hostile_receivers(bomb) as hostile:
        topic = pipeline.topology.shared_delivery if kind == "shared" else ""
        _put_endpoints(pipeline, hostile, receiver, topic=topic)
        pipeline.run()
        with _peak_memory(pipeline.processes[("sender", 0)].pid) as memory:
            pipeline.publish(_events())
            receiver.wait_for(TO_THE_FAST_ONE, path=f"/{FAST}", seconds=60)
            _wait_for_the_end(pipeline, receiver)
    assert len(receiver.requests) == TO_THE_FAST_ONE
    for name, earned in EARNED.items():
        _check_attempts(pipeline, name, earned)
    bodies = {attempt.response_body for attempt in _attempts(pipeline, "bomb")}
    assert bodies == {bomb[:KEPT_BODY_BYTES]}
    assert len(hostile.written_bytes) == 2 * EACH
    print(  # noqa: T201 - shown with -s
        f"sender: {memory[0] >> 20} MiB; of 10 GiB at most {max(hostile.written_bytes) >> 10} KiB"
    )
    assert max(hostile.written_bytes) < MOST_WRITTEN_BYTES
    assert hostile.trapped == 0
    assert memory[0] < MOST_MEMORY_BYTES
    assert all(process.poll() is None for process in pipeline.processes.values())


def _put_endpoints(
    pipeline: RunningPipeline, hostile: HostileReceivers, receiver: Receiver, *, topic: str
) -> None:
    urls = {name: hostile.url(name) for name in hostile.ports}
    urls |= {FAST: receiver.url(f"/{FAST}"), "forbidden": "http://169.254.169.254/latest"}
    types = {FAST: "fast.made", "down": "down.made", "early": "large.made"}
    retries = {"patient": RetryPolicy((3_600_000,))}
    pipeline.put_account(Account("hostile", "twelve-twenty"))
    for name, url in urls.items():
        pipeline.put_endpoint(
            Endpoint(
                name,
                "hostile",
                "twelve-twenty",
                topic,
                url=url,
                event_types=(types.get(name, "small.made"),),
                timeout_ms=TIMEOUT_MS,
                retry=retries.get(name, TWO_ATTEMPTS),
            )
        )


def _events() -> Iterator[Event]:
    wanted = {"small": EACH, "large": EACH, "down": TO_ONE_THAT_IS_DOWN, "fast": TO_THE_FAST_ONE}
    for kind, count in wanted.items():
        filler = "x" * 900_000 if kind == "large" else ""
        for n in range(count):
            yield {
                "account": "hostile",
                "type": f"{kind}.made",
                "id": f"{kind}{n}",
                "data": {"n": n, "filler": filler},
            }


def _sent() -> set[Expected]:
    hostile = {(name, n) for name in (*EARNED, "patient") for n in range(EACH)}
    down = {("down", n) for n in range(TO_ONE_THAT_IS_DOWN)}
    return hostile | down | {(FAST, n) for n in range(TO_THE_FAST_ONE)}


def _wait_for_the_end(pipeline: RunningPipeline, receiver: Receiver) -> None:
    """Nothing moves any more but the probes of the one that is down."""
    found = whereabouts(pipeline, receiver, _sent())

    def is_so() -> bool:
        nonlocal found
        found = whereabouts(pipeline, receiver, _sent())
        given_up = {key for key in found.dead if key[0] != "down"}
        still = {key[0] for key in found.waiting}
        return (
            len(given_up) == EACH * len(EARNED) and still == {"patient", "down"} and found.adds_up
        )

    eventually(is_so, seconds=90, text=lambda: str(found))
    assert set(found.dead.values()) == {Reason.EXHAUSTED}
    assert found.repeats == 0


def _attempts(pipeline: RunningPipeline, endpoint: str) -> list[Attempt]:
    return [attempt for attempt in pipeline.attempts() if attempt.endpoint == endpoint]


def _check_attempts(pipeline: RunningPipeline, name: str, earned: Earned) -> None:
    attempts = _attempts(pipeline, name)
    assert {(each.outcome, each.status) for each in attempts} == {earned[:2]}, name
    assert all(earned.error in (each.error or "") for each in attempts), attempts[0].error
    decisions = sorted((each.attempt, each.decision, each.reason) for each in attempts)
    first, second = (1, Decision.RETRY, None), (2, Decision.DEAD, Reason.EXHAUSTED)
    assert decisions == [first] * EACH + [second] * EACH, name
    last = [letter for letter in pipeline.dead_letters() if letter.endpoint == name]
    assert {(each.outcome, each.status) for each in last} == {earned[:2]}, name


@contextmanager
def _peak_memory(pid: int) -> Generator[list[int]]:
    """The most that a process had resident during the block, in one number of bytes."""
    peak = [0]
    ended = threading.Event()
    watched = psutil.Process(pid)

    def watch() -> None:
        while not ended.wait(0.02):
            peak[0] = max(peak[0], watched.memory_info().rss)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        ended.set()
        thread.join()
