"""A pipeline with a real API process, for commands that call it."""

from __future__ import annotations

import socket
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests.running_pipeline import RunningPipeline, running_pipeline

OPERATOR_KEY = "op_of-the-tests-0123456789abcdefghijklmnop"


@contextmanager
def pipeline_with_api(
    bootstrap_servers: str, folder: Path, *stages: str
) -> Generator[RunningPipeline]:
    """Running with these stages beside the API, on a port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    settings = {"PIPELINE_API__PORT": str(port), "PIPELINE_API__OPERATOR_KEY": OPERATOR_KEY}
    with running_pipeline(bootstrap_servers, folder, **settings) as running:
        running.run("api", *stages)
        yield running
