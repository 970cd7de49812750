"""Processes that a benchmark starts: they end with it, however it ends, and by their own id."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from pipeline.supervisor.parent import BEGIN

CHECKOUT: Final = Path(__file__).resolve().parents[1]
POLITE_SECONDS: Final = 15.0
LOG_TAIL_LINES: Final = 15
LAST_WORDS_CHARACTERS: Final = 1_500


class BenchmarkFailed(Exception):
    """A scenario gave no figures; the text says why, with what the processes said last."""


class Child:
    """A Python module run as a process that follows its parent (`pipeline.supervisor.parent`)."""

    def __init__(
        self, name: str, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]
    ) -> None:
        self.name = name
        """Several may have the same: what they write goes to one file."""
        self._log = folder / f"{name}.log"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                cwd=folder,
                env={**clean_environment(), **environment},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the benchmark, which ends them in order
            )
        assert self._process.stdin is not None
        with suppress(OSError):  # it has ended already
            self._process.stdin.write(BEGIN)
            self._process.stdin.flush()

    @property
    def pid(self) -> int:
        return self._process.pid

    def said(self) -> str:
        """Everything that it has written so far."""
        return self._log.read_text(errors="replace")

    def check(self) -> None:
        """Raise BenchmarkFailed if it has ended."""
        if (status := self._process.poll()) is not None:
            tail = "\n".join(self.said().splitlines()[-LOG_TAIL_LINES:])
            raise BenchmarkFailed(f"{self.name} has ended with status {status}:\n{tail}")

    def ask_to_end(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()

    def wait(self) -> None:
        """Until it has ended; it is killed where asking did not help."""
        try:
            self._process.wait(POLITE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()


@contextmanager
def ending(children: Sequence[Child]) -> Generator[None]:
    """All of them have ended when the block is left."""
    try:
        yield
    finally:
        for child in children:
            child.ask_to_end()
        for child in children:
            child.wait()


def clean_environment() -> dict[str, str]:
    """This process's, without settings of a pipeline that somebody runs here."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIPELINE_")}
    return {**kept, "PYTHONPATH": str(CHECKOUT)}


def last_words(children: Sequence[Child]) -> str:
    """What each of them has written last, on lines of its own; for a failure's text."""
    said = {child.name: child.said()[-LAST_WORDS_CHARACTERS:].strip() for child in children}
    return "".join(f"\n{name}: {words}" for name, words in said.items() if words)


def wait_until(
    is_so: Callable[[], bool],
    *,
    seconds: float,
    text: str | Callable[[], str],
    watched: Sequence[Child] = (),
    pause_seconds: float = 0.02,
) -> None:
    """Return once it is so. Raises BenchmarkFailed: not in time, or a watched process has ended."""
    deadline = time.monotonic() + seconds
    while not is_so():
        for child in watched:
            child.check()
        if time.monotonic() > deadline:
            why = text if isinstance(text, str) else text()
            raise BenchmarkFailed(f"{why}: not within {seconds:g} s{last_words(watched)}")
        time.sleep(pause_seconds)
