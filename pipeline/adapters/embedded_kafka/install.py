"""Fills the cache ahead of a start: `python -m pipeline.adapters.embedded_kafka.install`."""

from __future__ import annotations

import sys
from pathlib import Path

from pipeline.adapters.embedded_kafka.cache import cache_in
from pipeline.adapters.embedded_kafka.errors import EmbeddedKafkaError
from pipeline.adapters.embedded_kafka.toolkit import ensure_toolkit
from pipeline.adapters.embedded_kafka.waiting import Progress, Waiting


def install(cache: Path | None, progress: Progress) -> Path:
    """Fetch the jars and prepare them for this machine's Java; answers where they are.

    Raises:
        EmbeddedKafkaError: as `EmbeddedKafka.start` does where Java, jars or the cache folder are
        unusable.
    """
    folder = cache_in(cache)
    waiting = Waiting(progress)
    ensure_toolkit(folder, waiting).archive.ensure(waiting)
    return folder.folder


def main() -> int:
    try:
        folder = install(None, _print_line)
    except EmbeddedKafkaError as exc:
        _print_line(str(exc))
        return 1
    _print_line(f"the embedded Kafka is ready to run, from {folder}")
    return 0


def _print_line(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
