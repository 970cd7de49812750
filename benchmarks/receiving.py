"""Receivers as a benchmark's children, and what they say that they got."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks.authority import Certified, certify_loopback
from benchmarks.behaviours import Behaviour
from benchmarks.children import BenchmarkFailed, Child, ending, wait_until

_FAST: Final = "benchmarks.followed_receiver"
_OBSERVANT: Final = "benchmarks.observant_receiver"
_LISTENING: Final = re.compile(r"^listening on 127\.0\.0\.1:(\d+)$", re.MULTILINE)
_TLS: Final = re.compile(r"^TLS on 127\.0\.0\.1:(\d+)$", re.MULTILINE)
_START_SECONDS: Final = 30.0
_ANSWER_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class ReceiverPlan:
    """Which receiver."""

    module: str = _FAST
    arguments: tuple[str, ...] = ()
    is_tls: bool = False


FAST: Final = ReceiverPlan()
"""Answers and counts on as little CPU as it can."""
OBSERVANT: Final = ReceiverPlan(_OBSERVANT)
"""Notes when each event came."""
OBSERVANT_TLS: Final = ReceiverPlan(_OBSERVANT, is_tls=True)
FAILING_ONCE: Final = ReceiverPlan(_OBSERVANT, ("--behaviour", Behaviour.FAILS_ONCE.value))


class Received(NamedTuple):
    """Counts since a receiver began."""

    requests: int
    accepted: int
    connections: int
    cpu_seconds: float


class RunningReceiver:
    """A receiver that answers."""

    def __init__(self, child: Child, port: int, address: str, certified: Certified | None) -> None:
        self.child = child
        self.address = address
        """What URLs of its endpoints begin with."""
        self.certified = certified
        """None where it does not speak TLS."""
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

    def received(self) -> Received:
        """What has come so far. Raises BenchmarkFailed."""
        stats = self.ask("/stats")
        accepted = stats.get("accepted", stats["requests"])  # the fast one accepts everything
        return Received(stats["requests"], accepted, stats["connections"], stats["cpu_seconds"])

    def behave(self, behaviour: Behaviour, path: str) -> None:
        """Answer all requests for a path so from now on. Raises BenchmarkFailed."""
        self.ask(f"/behave/{behaviour.value}{path}")

    def close(self) -> None:
        self._connection.close()


@contextmanager
def running_receiver(plan: ReceiverPlan, folder: Path) -> Generator[RunningReceiver]:
    """A receiver on a free port until the block is left. Raises BenchmarkFailed."""
    certified = certify_loopback(folder) if plan.is_tls else None
    options = () if certified is None else ("--certificate", str(certified.certificate))
    child = Child("receiver", (plan.module, "--port", "0", *plan.arguments, *options), folder, {})
    with ending([child]):
        wait_until(
            lambda: _LISTENING.search(child.said()) is not None,
            seconds=_START_SECONDS,
            text="the receiver does not listen",
            watched=[child],
        )
        plain = _LISTENING.search(child.said())
        assert plain is not None
        receiver = RunningReceiver(child, int(plain[1]), _address(child.said()), certified)
        try:
            yield receiver
        finally:
            receiver.close()


def _address(said: str) -> str:
    for scheme, pattern in (("https", _TLS), ("http", _LISTENING)):
        if found := pattern.search(said):
            return f"{scheme}://127.0.0.1:{found[1]}"
    raise BenchmarkFailed("the receiver does not say where it listens")
