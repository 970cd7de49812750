"""Two versions in one group: stages are replaced one by one, there and back, while events flow.

The older version is the last that was released (the newest tag), or what `UPGRADE_FROM` names.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import threading
from collections import Counter
from pathlib import Path

import pytest

from pipeline.domain.endpoint import Account, Endpoint, RetryPolicy
from tests.architecture.checkout import ROOT
from tests.receiver import Answer, Behaviour, Receiver, Request
from tests.running_pipeline import STAGES, RunningPipeline, eventually

UNRELEASED = "HEAD~20"
PACE_SECONDS = 0.02


def git(*words: str) -> bytes:
    done = subprocess.run(
        ["git", *words],  # noqa: S607 - the developer's
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    return done.stdout if done.returncode == 0 else b""


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """The older version's files; its packages are those of this one."""
    tag = git("describe", "--tags", "--abbrev=0").decode().strip()
    files = git("archive", os.environ.get("UPGRADE_FROM") or tag or UNRELEASED)
    if not files:
        pytest.skip("no git, or no such version: set UPGRADE_FROM to a commit")
    folder = tmp_path / "older"
    with tarfile.open(fileobj=io.BytesIO(files)) as archive:
        archive.extractall(folder, filter="data")
    return folder


class Publisher(threading.Thread):
    """Publishes one event after another until it is told to stop."""

    def __init__(self, pipeline: RunningPipeline) -> None:
        super().__init__()
        self.count = 0
        self._pipeline = pipeline
        self._stopping = threading.Event()

    def run(self) -> None:
        while not self._stopping.wait(PACE_SECONDS):
            event = {"account": "acme", "type": "made", "data": {"n": self.count}}
            self._pipeline.publish([{**event, "id": f"e{self.count}"}])
            self.count += 1

    def stop(self) -> int:
        """How many were published."""
        self._stopping.set()
        self.join()
        return self.count


def failing_at_first() -> Behaviour:
    """Each tenth delivery fails once, each hundredth for ever."""
    seen = Counter[tuple[str, int]]()

    def answer(request: Request) -> Answer:
        number = json.loads(request.body)["Data"]["n"]
        if number % 100 == 0:
            return Answer(500)
        seen[(request.path, number)] += 1
        return Answer(503 if number % 10 == 5 and seen[(request.path, number)] == 1 else 204)

    return answer


@pytest.mark.soak
@pytest.mark.faults
@pytest.mark.timeout(600)
def test_nothing_is_lost_while_one_version_takes_the_others_place_and_gives_it_back(
    pipeline: RunningPipeline, receiver: Receiver, older: Path
):
    pipeline.program = ("-P", "-m", "pipeline", "run")  # not what lies in this folder
    receiver.behaviour = failing_at_first()
    pipeline.start(PYTHONPATH=str(older))
    for stage in STAGES:
        pipeline.wait_ready(stage)
    assert is_of(pipeline, older)
    pipeline.put_account(Account("acme", "twelve-twenty"))
    twice = RetryPolicy((1_000, 1_000))
    for name, topic in (("own", ""), ("shared", pipeline.topology.shared_delivery)):
        url = receiver.url(f"/{name}")
        pipeline.put_endpoint(Endpoint(name, "acme", "twelve-twenty", topic, url=url, retry=twice))
    publisher = Publisher(pipeline)
    publisher.start()
    try:
        for version in (ROOT, older, ROOT):
            for stage in STAGES:
                before = publisher.count
                pipeline.stop(stage)
                pipeline.run(stage, PYTHONPATH=str(version))
                eventually(lambda before=before: publisher.count > before + 50)
    finally:
        sent = publisher.stop()
    dead = {n for n in range(sent) if n % 100 == 0}
    paths = ("/own", "/shared")
    eventually(
        lambda: all(delivered(receiver, path) == set(range(sent)) - dead for path in paths),
        seconds=90,
        text=lambda: f"{[len(delivered(receiver, path)) for path in paths]} of {sent - len(dead)}",
    )
    eventually(lambda: len({each.id for each in pipeline.dead_letters()}) == 2 * len(dead))
    assert {each.reason for each in pipeline.dead_letters()} == {"exhausted"}
    received = [(request.path, request.webhook_id) for request in receiver.accepted]
    # Nothing crashed: what was under way was finished before a process ended.
    assert len(received) - len(set(received)) <= sent // 100


def delivered(receiver: Receiver, path: str) -> set[int]:
    return {
        json.loads(request.body)["Data"]["n"]
        for request in receiver.accepted
        if request.path == path
    }


def is_of(pipeline: RunningPipeline, folder: Path) -> bool:
    """Whether processes that are started so run the code of this folder."""
    told = subprocess.run(
        [sys.executable, "-P", "-c", "import pipeline; print(pipeline.__file__)"],
        env={**pipeline.environment, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    return told.stdout.startswith(str(folder))
