"""A collector of spans as a benchmark's child."""

from __future__ import annotations

import http.client
import re
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.children import BenchmarkFailed, Child, ending, wait_until

_COLLECTING: Final = re.compile(r"^collecting on (127\.0\.0\.1:\d+)$", re.MULTILINE)
_START_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class RunningCollector:
    """It takes spans."""

    child: Child
    address: str
    """Host and port."""

    def spans(self) -> int:
        """How many have come so far. Raises BenchmarkFailed."""
        try:
            with closing(http.client.HTTPConnection(self.address, timeout=30)) as connection:
                connection.request("GET", "/")
                return int(connection.getresponse().read())
        except (OSError, http.client.HTTPException, ValueError) as exc:
            raise BenchmarkFailed(f"the collector does not answer: {exc!r}") from exc


@contextmanager
def running_collector(folder: Path) -> Generator[RunningCollector]:
    """On a free port until the block is left. Raises BenchmarkFailed."""
    child = Child("collector", ("benchmarks.span_collector",), folder, {})
    with ending([child]):
        wait_until(
            lambda: _COLLECTING.search(child.said()) is not None,
            seconds=_START_SECONDS,
            text="the collector does not listen",
            watched=[child],
        )
        found = _COLLECTING.search(child.said())
        assert found is not None
        yield RunningCollector(child, found[1])
