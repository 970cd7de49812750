"""An endpoint changes its delivery topic under load, both ways: nothing is lost, little repeats."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.domain.endpoint import Account, Endpoint
from tests.faults.counting import count
from tests.receiver import Answer, Receiver
from tests.running_pipeline import RunningPipeline, eventually

SENT = 1_500
THIRD = SENT // 3


@pytest.mark.faults
@pytest.mark.timeout(180)
def test_moving_to_the_shared_topic_and_back_loses_nothing(
    pipeline: RunningPipeline, receiver: Receiver, tmp_path: Path
) -> None:
    receiver.behaviour = lambda _: Answer(delay_seconds=0.02)
    pipeline.put_account(Account("moves", "twelve-twenty"))
    own = pipeline.put_endpoint(
        Endpoint("moves-ep", "moves", "twelve-twenty", "", url=receiver.url("/"))
    ).topic
    shared = pipeline.topology.shared_delivery
    pipeline.run()
    for number, to in enumerate(("shared", "dedicated", None)):
        pipeline.publish(_event(n) for n in range(number * THIRD, (number + 1) * THIRD))
        if to is not None:
            # Most of what was just published still lies in the topic before.
            _move(pipeline, to, tmp_path)
    eventually(
        lambda: not count(pipeline, receiver, "moves", sent=SENT).missing,
        seconds=90,
        text=lambda: str(count(pipeline, receiver, "moves", sent=SENT)),
    )
    counted = count(pipeline, receiver, "moves", sent=SENT)
    assert not counted.dead
    assert counted.repeats == 0
    assert len(pipeline.records(own)) + len(pipeline.records(shared)) == SENT
    assert pipeline.records(shared), "nothing went through the shared topic"


def _event(number: int) -> dict[str, object]:
    return {"account": "moves", "type": "made", "id": f"m{number}", "data": {"n": number}}


def _move(pipeline: RunningPipeline, to: str, folder: Path) -> None:
    command = [sys.executable, "-m", "pipeline", "endpoints", "move", "moves-ep", "--to", to]
    ended = subprocess.run(
        command, env=pipeline.environment, cwd=folder, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert "moves from" in ended.stdout + ended.stderr
