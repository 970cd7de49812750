"""Prints `jars.txt` anew: `python -m pipeline.adapters.embedded_kafka.pin`.

For another version of Kafka; change `KAFKA_VERSION` first. Needs the extra `embedded` and the
network.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from pathlib import Path
from typing import Final

from jgo.maven import Artifact, MavenContext

from pipeline.adapters.embedded_kafka.pinned_jars import KAFKA_VERSION, PinnedJar, table_line
from pipeline.adapters.embedded_kafka.registry import maven_context

_COORDINATES: Final = (
    f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}",
    # Without a binding for its logging the broker dies without a word. The mark `!` leaves out the
    # versions that the binding's descriptor manages: they would replace Kafka's own client library
    # by an older one.
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4!",
)


def main() -> int:
    with tempfile.TemporaryDirectory() as incoming:
        maven = maven_context(Path(incoming))
        jars = [_pinned(artifact) for artifact in _resolved(maven)]
    jars.sort(key=lambda jar: jar.coordinate)
    sys.stdout.writelines(table_line(jar) for jar in jars)
    return 0


def _resolved(maven: MavenContext) -> list[Artifact]:
    wanted = [maven.create_dependency(coordinate) for coordinate in _COORDINATES]
    inputs, transitive = maven.resolver.resolve(wanted)
    needed = [*inputs, *(found for found in transitive if found.scope in {"compile", "runtime"})]
    return [dependency.artifact for dependency in needed]


def _pinned(artifact: Artifact) -> PinnedJar:
    content = artifact.resolve().read_bytes()
    return PinnedJar(
        artifact.groupId,
        artifact.artifactId,
        artifact.version,
        len(content),
        hashlib.sha256(content).hexdigest(),
    )


if __name__ == "__main__":
    sys.exit(main())
