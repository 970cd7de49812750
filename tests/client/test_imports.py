"""A service that publishes loads what publishing takes, and nothing of the pipeline's processes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.architecture.checkout import ROOT

_LISTED = "import sys; import {}; print(*sys.modules)"
NEVER = {
    "fastapi",
    "sqlalchemy",
    "pydantic",
    "pydantic_settings",
    "opentelemetry",
    "typer",
    "uvicorn",
}
OURS = {"adapters", "client", "clock", "domain", "flow", "ports", "resources"}


def loaded(module: str) -> set[str]:
    """What importing it loads, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", _LISTED.format(module)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("module", "brings", "spares"),
    [
        ("pipeline.client.kafka", {"confluent_kafka", "fastavro"}, {"httpx", "pycurl"}),
        ("pipeline.client.api", {"httpx"}, {"confluent_kafka", "fastavro", "pycurl"}),
        ("pipeline.client.event", {"msgspec"}, {"confluent_kafka", "fastavro", "httpx"}),
    ],
)
def test_a_way_to_publish_loads_its_own_library_and_no_other(
    module: str, brings: set[str], spares: set[str]
):
    modules = loaded(module)
    assert brings <= modules
    assert not modules & (spares | NEVER)
    parts = {name.split(".")[1] for name in modules if name.startswith("pipeline.")}
    assert "client" in parts
    assert parts <= OURS
