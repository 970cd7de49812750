"""Whoever waits for the broker: is told what takes time, and may no longer want it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from pipeline.adapters.embedded_kafka.errors import StartCancelled

Progress = Callable[[str], None]
"""Takes a few words about what is going on; called only when something takes time."""


@dataclass(frozen=True, slots=True)
class Waiting:
    progress: Progress
    cancelled: threading.Event = field(default_factory=threading.Event)

    def tell(self, text: str) -> None:
        """Say what is going on.

        Raises:
            StartCancelled: nobody waits any more.
        """
        self.check()
        self.progress(text)

    def check(self) -> None:
        """Go on only if it is still wanted.

        Raises:
            StartCancelled: nobody waits any more.
        """
        if self.cancelled.is_set():
            raise StartCancelled("The start of the embedded Kafka was cancelled.")
