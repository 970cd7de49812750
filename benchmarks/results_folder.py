"""Where results are kept: beside the benchmarks, out of version control."""

from __future__ import annotations

from pathlib import Path


def results_folder() -> Path:
    """Made where it is missing."""
    folder = Path(__file__).with_name("results")
    folder.mkdir(exist_ok=True)
    return folder
