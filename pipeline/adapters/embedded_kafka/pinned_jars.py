"""The jars of the broker, each with its size and SHA-256, as `jars.txt` has them.

Pinned rather than resolved on each machine: everybody runs the same code, a jar that was tampered
with is refused, and no descriptor has to be fetched. `pipeline.adapters.embedded_kafka.pin` makes
the table anew for another version.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

KAFKA_VERSION = "4.3.1"
_TABLE = Path(__file__).with_name("jars.txt")


class PinnedJar(NamedTuple):
    group: str
    artifact: str
    version: str
    size_bytes: int
    sha256: str

    @property
    def coordinate(self) -> str:
        return f"{self.group}:{self.artifact}:{self.version}"

    @property
    def file_name(self) -> str:
        return f"{self.artifact}-{self.version}.jar"


def pinned_jars() -> tuple[PinnedJar, ...]:
    """All jars of the class path, in the order in which it names them."""
    return tuple(_parsed(line) for line in _TABLE.read_text("ascii").splitlines())


def pins_digest() -> str:
    """Identifies the table: what was fetched for another table is not used."""
    return hashlib.sha256(_TABLE.read_bytes()).hexdigest()


def table_line(jar: PinnedJar) -> str:
    return f"{jar.sha256} {jar.size_bytes} {jar.coordinate}\n"


def _parsed(line: str) -> PinnedJar:
    sha256, size_bytes, coordinate = line.split()
    group, artifact, version = coordinate.split(":")
    return PinnedJar(group, artifact, version, int(size_bytes), sha256)
