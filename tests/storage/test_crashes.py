"""kill -9 between and within writes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from random import Random
from threading import Event

import pytest

from pipeline.adapters.storage.opening import open_store
from pipeline.adapters.storage.recorder_store import RecorderStore
from tests.storage.batches import batch
from tests.storage.builders import empty_tables_of, tables_of

_ROOT = Path(__file__).parents[2]
_ROUNDS = 6


def _write_until_killed(url: str, *, after: int, seconds: float) -> int:
    """Kill the writer so long after so many acknowledged batches; answer the last one's number."""
    command = [sys.executable, "-m", "tests.storage.writing_process", url]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        said = ""
        for _ in range(after):
            said = writer.stdout.readline()
        Event().wait(seconds)  # for no condition: any moment of a write will do
        writer.kill()
        rest = writer.stdout.read().split()
    return int(rest[-1] if rest else said)


@pytest.mark.faults
def test_a_writer_that_is_killed_leaves_whole_batches_and_nothing_else(url: str):
    random = Random(7)  # noqa: S311 - when to kill, not a secret
    store = open_store(url)
    recorder = RecorderStore(store)
    found: list[tuple[int, dict[str, list[tuple[object, ...]]]]] = []
    for _ in range(_ROUNDS):
        acknowledged = _write_until_killed(
            url, after=random.randint(1, 8), seconds=random.uniform(0, 0.02)
        )
        position = recorder.positions("attempts")[0]
        assert position in (acknowledged + 1, acknowledged + 2)
        found.append((position, tables_of(store)))
    for position, tables in found:
        empty_tables_of(store)
        for number in range(position):
            recorder.write(*batch(number))
        assert tables == tables_of(store)
    store.close()
