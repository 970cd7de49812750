"""The command itself, with as little as it can measure."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.checkout import ROOT

CHOSEN = (
    *("own-1", "tls", "retried-shared", "backlog-shared", "latency", "neighbour-hangs-own"),
    *("ingest-single", "ingest-batch", "tracing"),
)


@pytest.mark.soak
@pytest.mark.parametrize("name", CHOSEN)
def test_a_scenario_gives_figures(name: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "--count", "1000", "--scenario", name],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    written = re.search(r"^results: (.+)$", ran.stdout, re.MULTILINE)
    assert written
    results = Path(written[1])
    try:
        (scenario,) = json.loads(results.read_text())["scenarios"]
        assert scenario["name"] == name
        figures = scenario["runs"][0]
        assert figures.get("deliveries", 1_000) == 1_000
        assert figures.get("repeats", 0) == 0
        assert "Not measured:" in ran.stdout
    finally:
        results.unlink()
        results.with_suffix(".svg").unlink(missing_ok=True)
