"""Commits a record and dies before it is published: `<module> <folder> <kafka> <prefix>`."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from pipeline.registry import OutboxRecord
from pipeline.wiring.registry_store import opened_registry
from tests.kafka.outbox_places import settings_of


def main(folder: str, servers: str, prefix: str) -> None:
    settings = settings_of(servers, Path(folder), prefix)
    with opened_registry(settings).registry.writing() as writer:
        writer.publish(OutboxRecord(f"{prefix}accounts", b"a", b"from the dead"))
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(*sys.argv[1:])
