"""Commits a record, takes the turn and waits to be killed: `<module> <url>`."""

from __future__ import annotations

import sys

from pipeline.adapters.storage.opening import open_store
from pipeline.adapters.storage.outbox_store import SqlOutboxStore
from pipeline.adapters.storage.sql_registry import SqlRegistry
from tests.storage.registry_values import a_record


def main(url: str) -> None:
    store = open_store(url)
    with SqlRegistry(store).writing() as writer:
        writer.publish(a_record())
    with SqlOutboxStore(store).turn() as turn:
        sys.stdout.write("has the turn\n" if turn is not None else "has no turn\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1])
