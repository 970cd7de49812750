"""The receiver, for as long as its standard input stays open: it never outlives a benchmark."""

from __future__ import annotations

import sys

from benchmarks.receiver import main
from pipeline.supervisor.parent import follow_parent

if __name__ == "__main__":
    follow_parent()
    main(sys.argv[1:])
