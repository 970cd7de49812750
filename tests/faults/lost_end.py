"""A log that loses its end after it was read: what was sent of it, and what is said of it."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
from pathlib import Path

from pipeline.domain.endpoint import Account, Endpoint
from tests.faults.conftest import OwnBroker
from tests.faults.whereabouts import number_in
from tests.receiver import Receiver
from tests.running_pipeline import RunningPipeline, eventually

NAME = "cut"
KEPT, LOST, LATER = 20, 15, 40
"""Deliveries that stay, that are lost after they were sent, and that come later: more than were
lost, so that the position in what was lost is one of theirs."""
_BATCH = struct.Struct(">qi")
"""How a batch of records begins: its first offset, and how many bytes follow."""


def put_endpoint(pipeline: RunningPipeline, receiver: Receiver, *, topic: str = "") -> str:
    """Answers its topic."""
    pipeline.put_account(Account(NAME, "twelve-twenty"))
    url = receiver.url(f"/{NAME}")
    return pipeline.put_endpoint(Endpoint(NAME, NAME, "twelve-twenty", topic, url=url)).topic


def publish(pipeline: RunningPipeline, first: int, end: int) -> None:
    pipeline.publish(
        {"account": NAME, "type": "made", "id": f"c{n}", "data": {"n": n}}
        for n in range(first, end)
    )


def deliver(pipeline: RunningPipeline, receiver: Receiver, first: int, end: int) -> None:
    """Return when they are sent, and committed."""
    publish(pipeline, first, end)
    receiver.wait_for(end, seconds=60)
    topic = pipeline.topology.delivery(NAME)
    eventually(lambda: pipeline.committed("sender", topic) == {0: end}, seconds=60)


def later(pipeline: RunningPipeline, topic: str) -> None:
    """More than was lost is written in its place."""
    publish(pipeline, KEPT + LOST, KEPT + LOST + LATER)
    eventually(lambda: len(pipeline.records(topic)) == KEPT + LATER, seconds=60)


def is_held(pipeline: RunningPipeline, topic: str) -> bool:
    return any(topic in text for text in pipeline.health("sender").get("held", []))


def check_held_until_told_to_go_on(
    pipeline: RunningPipeline, receiver: Receiver, topic: str
) -> None:
    """Nothing is sent by guessing; where an operator has decided all is, once."""
    eventually(lambda: is_held(pipeline, topic), text=lambda: f"not held; sent {_sent(receiver)}")
    assert _sent(receiver) == list(range(KEPT + LOST))
    _go_on(pipeline, topic)
    eventually(lambda: len(receiver.requests) >= KEPT + LOST + LATER, seconds=60)
    assert _sent(receiver) == list(range(KEPT + LOST + LATER))
    assert pipeline.dead_letters() == []


def lose_power(broker: OwnBroker, folder: Path, topic: str) -> None:
    """As a machine without power loses what was not on its disk: the topic ends at `KEPT`.

    The broker's data are somewhere in `folder`; a batch must begin at that offset.
    """
    kafka = broker.kafka
    assert kafka.pid is not None
    os.kill(kafka.pid, signal.SIGKILL)
    eventually(lambda: kafka.poll() is not None)
    (place,) = folder.rglob(f"{topic}-0")
    _cut(place / f"{0:020}.log")
    for snapshot in place.glob("*.snapshot"):
        snapshot.unlink()
    kafka.start()


def _cut(log: Path) -> None:
    content, at, first = log.read_bytes(), 0, -1
    while at < len(content):
        first, length = _BATCH.unpack_from(content, at)
        if first >= KEPT:
            break
        at += _BATCH.size + length
    assert first == KEPT, f"no batch begins at {KEPT}"
    os.truncate(log, at)


def _sent(receiver: Receiver) -> list[int]:
    return sorted(number_in(request.body) for request in list(receiver.requests))


def _go_on(pipeline: RunningPipeline, topic: str) -> None:
    """As an operator decides: from where the log was cut."""
    command = ["offsets", "set", "--group", f"{pipeline.prefix}sender", "--topic", topic]
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", *command, "--partition", "0", "--to", str(KEPT)],
        env=pipeline.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
