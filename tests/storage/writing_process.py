"""Writes batch after batch from the stored position on, until it is killed: `<module> <url>`."""

from __future__ import annotations

import sys
from itertools import count

from pipeline.adapters.storage.opening import open_store
from pipeline.adapters.storage.recorder_store import RecorderStore
from tests.storage.batches import batch


def main(url: str) -> None:
    recorder = RecorderStore(open_store(url))
    for number in count(recorder.positions("attempts").get(0, 0)):
        recorder.write(*batch(number))
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
