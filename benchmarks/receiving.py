"""Receivers as a benchmark's children, and what they say that they got."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks.children import BenchmarkFailed, Child, ending, wait_until

_LISTENING: Final = re.compile(r"^listening on 127\.0\.0\.1:(\d+)$", re.MULTILINE)
_START_SECONDS: Final = 30.0
_ANSWER_SECONDS: Final = 30.0


class RunningReceiver:
    """A receiver that answers on `port`."""

    def __init__(self, child: Child, port: int) -> None:
        self.child = child
        self.port = port
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_SECONDS)

    def ask(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """The JSON that it answers a GET with, over a connection that is kept.

        Raises BenchmarkFailed.
        """
        try:
            self._connection.request("GET", path)
            return json.loads(self._connection.getresponse().read())
        except (OSError, http.client.HTTPException, ValueError) as exc:
            raise BenchmarkFailed(f"the receiver does not answer: {exc!r}") from exc

    def received(self) -> int:
        """How many requests have come."""
        return int(self.ask("/stats")["requests"])

    def cpu_seconds(self) -> float:
        return float(self.ask("/stats")["cpu_seconds"])

    def close(self) -> None:
        self._connection.close()


@contextmanager
def running_receiver(module: str, folder: Path) -> Generator[RunningReceiver]:
    """A receiver's module, run on a free port until the block is left."""
    child = Child("receiver", (module, "--port", "0"), folder, {})
    with ending([child]):
        wait_until(
            lambda: _LISTENING.search(child.said()) is not None,
            seconds=_START_SECONDS,
            text="the receiver does not listen",
            watched=[child],
        )
        match = _LISTENING.search(child.said())
        assert match is not None
        receiver = RunningReceiver(child, int(match[1]))
        try:
            yield receiver
        finally:
            receiver.close()
