"""One SQLite file, opened by several parts of a process and by several processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pipeline.adapters.storage.opening import open_store
from pipeline.adapters.storage.recorder_store import RecorderStore
from tests.storage.builders import an_attempt, tables_of

READS = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('SELECT 1 FROM deliveries')"


def test_a_file_that_is_opened_twice_stays_locked_against_others(
    sqlite_url: str, sqlite_path: Path
):
    """A process loses its locks on a file whenever it closes a descriptor of it (POSIX).

    The next to close the file would take itself for the last, and delete the log with all that
    was written since.
    """
    first = open_store(sqlite_url)
    RecorderStore(first).write([an_attempt()], [], {})
    second = open_store(sqlite_url)
    subprocess.run([sys.executable, "-c", READS, str(sqlite_path)], check=True)
    assert sqlite_path.with_name(f"{sqlite_path.name}-wal").exists()
    RecorderStore(first).write([an_attempt(delivery_id="dlv_2")], [], {})
    first.close()
    second.close()
    again = open_store(sqlite_url)
    assert len(tables_of(again)["deliveries"]) == 2
    again.close()
