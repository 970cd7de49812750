"""The store is lost, or Kafka is: what brings it back, by the commands that the README gives."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.adapters.embedded_kafka.broker import EmbeddedKafka
from tests.receiver import Receiver
from tests.running_pipeline import RunningPipeline, eventually, running_pipeline

FILE = """
accounts:
  - id: acme
    profile: twelve-twenty
    endpoints: [{{id: crm, url: "{url}"}}]
"""


def command(pipeline: RunningPipeline, *words: str) -> str:
    """What a command told; it has to succeed."""
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", *words],
        env=pipeline.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def apply(pipeline: RunningPipeline, receiver: Receiver) -> None:
    file = pipeline.data_dir / "endpoints.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(FILE.format(url=receiver.url("/")))
    command(pipeline, "endpoints", "apply", str(file))


def publish(pipeline: RunningPipeline, first: int, end: int) -> None:
    pipeline.publish(
        {"account": "acme", "type": "made", "id": f"e{n}", "data": {"n": n}}
        for n in range(first, end)
    )


def numbers(receiver: Receiver) -> list[int]:
    return sorted(json.loads(request.body)["Data"]["n"] for request in receiver.requests)


def recorded(pipeline: RunningPipeline) -> int:
    """How many deliveries the store has."""
    with closing(sqlite3.connect(pipeline.data_dir / "store.sqlite")) as store:
        (count,) = store.execute("SELECT count(*) FROM deliveries").fetchone()
        return count


def read_for_long(pipeline: RunningPipeline) -> None:
    """The store has read more of the topics that are gone than the new ones will have soon."""
    with closing(sqlite3.connect(pipeline.data_dir / "store.sqlite")) as store, store:
        store.execute("UPDATE positions SET next_offset = next_offset + 1000")


def lose_store(pipeline: RunningPipeline) -> None:
    for path in pipeline.data_dir.glob("store.sqlite*"):
        path.unlink()


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_a_lost_store_is_made_again_of_what_kafka_has(
    pipeline: RunningPipeline, receiver: Receiver
):
    apply(pipeline, receiver)
    pipeline.run()
    publish(pipeline, 0, 20)
    receiver.wait_for(20)
    eventually(lambda: recorded(pipeline) == 20)
    pipeline.stop("recorder")
    lose_store(pipeline)
    assert "adopted 1 accounts, 1 endpoints" in command(pipeline, "tables", "adopt")
    for topic in (pipeline.topology.attempts, pipeline.topology.dead_letter):
        where = ("--group", "recorder", "--topic", topic, "--partition", "all", "--to", "earliest")
        command(pipeline, "offsets", "set", *where)
    publish(pipeline, 20, 30)  # deliveries went on all the while
    receiver.wait_for(30)
    pipeline.run("recorder")
    eventually(lambda: recorded(pipeline) == 30)
    assert numbers(receiver) == list(range(30))


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_a_lost_kafka_is_filled_again_by_what_the_store_has(tmp_path: Path, receiver: Receiver):
    first = EmbeddedKafka(tmp_path / "first")
    with running_pipeline(first.start(), tmp_path / "pipeline") as pipeline:
        apply(pipeline, receiver)
        pipeline.run()
        publish(pipeline, 0, 40)
        receiver.wait_for(40)
        eventually(lambda: recorded(pipeline) == 40)
        pipeline.stop("router", "sender", "scheduler", "recorder")
        first.stop()
        prefix = pipeline.prefix
    shutil.rmtree(tmp_path / "first")
    second = EmbeddedKafka(tmp_path / "second")
    anew = RunningPipeline(second.start(), tmp_path / "pipeline", prefix=prefix)
    try:
        read_for_long(anew)
        command(anew, "topics", "apply")
        command(anew, "tables", "rebuild")
        publish(anew, 40, 60)
        anew.start()
        for stage in ("router", "sender", "scheduler"):
            anew.wait_ready(stage)
        receiver.wait_for(60)
        # What the store had read of the topics that are gone says nothing of the new ones, and
        # nobody knows which partitions get what: the store's own position was in some of them.
        anew.wait_ready("recorder")
        eventually(lambda: recorded(anew) == 60, text=lambda: f"{recorded(anew)} of 60 recorded")
        assert anew.health("recorder")["held"] == []
        assert numbers(receiver) == list(range(60))
    finally:
        anew.close()
        second.stop()
