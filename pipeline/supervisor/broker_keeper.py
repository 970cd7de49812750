"""Keeps the embedded broker running, in a thread of its own: a start takes seconds."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from typing import Final

from pipeline.adapters.embedded_kafka.broker import EmbeddedKafka
from pipeline.adapters.embedded_kafka.errors import EmbeddedKafkaError
from pipeline.supervisor.child import status_text
from pipeline.supervisor.ending import Ending
from pipeline.supervisor.notices import Notices, Say

_ROUND_SECONDS: Final = 0.1
_FIRST_ROUND_SECONDS: Final = 0.02
_SIGNALLED: Final = 128
_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 5.0


class BrokerKeeper:
    """Starts a broker, and again whenever it ends, until `stop`."""

    def __init__(self, broker: EmbeddedKafka, *, say: Say) -> None:
        self._broker = broker
        self._say = say
        self._notices = Notices(say)
        self._first: Future[str] = Future()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="broker", daemon=True)
        self.is_up = False
        """Whether it answered and has not ended since. Any thread."""
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        """The Java machine's, None when there is none."""
        return self._broker.pid

    @property
    def has_failed(self) -> bool:
        """Whether nobody looks after the broker any more, although nobody said so."""
        return not self._thread.is_alive() and not self._stopping.is_set()

    def start(self, ending: Ending) -> str | None:
        """The bootstrap servers once the broker answers; None where `ending` was asked for before.

        Raises:
            EmbeddedKafkaError, OSError: it cannot start.
        """
        self._thread.start()
        while not ending.wait(_FIRST_ROUND_SECONDS):
            if self._first.done():
                return self._first.result()
            if self.has_failed:
                raise RuntimeError("the thread that starts the broker has died")
        return None

    def stop(self, *, deadline: float) -> bool:
        """End the broker, by `time.monotonic()`; False if it had to be killed for that."""
        self._stopping.set()
        ends = threading.Thread(target=self._broker.stop, name="broker stop", daemon=True)
        ends.start()
        ends.join(max(deadline - time.monotonic(), 0.0))
        if not ends.is_alive():
            return True
        if (pid := self._broker.pid) is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        ends.join(1.0)
        return False

    def _run(self) -> None:
        try:
            bootstrap_servers = self._broker.start()
        except (EmbeddedKafkaError, OSError) as exc:
            self._first.set_exception(exc)
            return
        self.is_up = True
        self._first.set_result(bootstrap_servers)
        while not self._stopping.wait(_ROUND_SECONDS):
            if (status := self._broker.poll()) is not None:
                self.is_up = False
                # Its guard tells of a signal as a shell does.
                text = status_text(status if status < _SIGNALLED else _SIGNALLED - status)
                self._notices.tell("the broker", f"ended with {text}; it is started again")
                self._start_again()

    def _start_again(self) -> None:
        pause_seconds = _FIRST_PAUSE_SECONDS
        while not self._stopping.is_set():
            self.restarts += 1
            try:
                self._broker.start()
            except (EmbeddedKafkaError, OSError) as exc:
                if not self._stopping.is_set():
                    self._notices.tell("the broker", f"cannot be started and is tried again: {exc}")
                self._stopping.wait(pause_seconds)
                pause_seconds = min(pause_seconds * 2, _LONGEST_PAUSE_SECONDS)
            else:
                self.is_up = True
                return
