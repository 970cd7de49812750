"""The API's port: always open, answered here while the API is not there, and by the API then."""

from __future__ import annotations

import socket
import threading
from functools import partial
from http.server import ThreadingHTTPServer
from types import TracebackType
from typing import Final, Self

from pipeline.adapters.serving.listener import open_listener, url_of
from pipeline.supervisor.away_answers import AwayHandler
from pipeline.telemetry.health_server import Health, HealthServer, Judge

_LOOPBACK: Final = "127.0.0.1"
_POLL_SECONDS: Final = 0.02
_STARTING: Final = Health(is_alive=True, is_ready=False, detail={"waiting_for": "kafka"})


class Front:
    """Holds the listening socket, which the API's process is given as well.

    While it has stepped aside the API alone takes connections. `status_port` of this machine says
    at all times how everything stands; not ready until it is told whom to ask.

    Raises:
        PortRefused: the port cannot be had.
    """

    def __init__(self, host: str, port: int) -> None:
        self._judge: Judge = lambda: _STARTING
        self._listener = open_listener(host, port)
        self._answers = _AwayServer(self._listener, self._now)
        self._status = HealthServer(_LOOPBACK, 0, judge=self._now)
        self._thread: threading.Thread | None = None
        self._is_closed = False
        self.step_in()

    @property
    def url(self) -> str:
        return url_of(self._listener)

    @property
    def descriptor(self) -> int:
        """Of the listening socket."""
        return self._listener.fileno()

    @property
    def status_port(self) -> int:
        """Where the API asks how everything stands."""
        return self._status.port

    @property
    def is_aside(self) -> bool:
        """Whether the API alone answers. Any thread."""
        return self._thread is None

    def judge_by(self, judge: Judge) -> None:
        """From now on."""
        self._judge = judge

    def step_in(self) -> None:
        """Answer: the API is not there."""
        if self._thread is None and not self._is_closed:
            self._thread = threading.Thread(
                target=self._answers.serve_forever, args=(_POLL_SECONDS,), name="front", daemon=True
            )
            self._thread.start()

    def step_aside(self) -> None:
        """The API is there. Returns once nothing is taken from it any more."""
        if (thread := self._thread) is not None:
            self._answers.shutdown()
            thread.join()
            self._thread = None

    def close(self) -> None:
        """Nobody is let in any more, as soon as the API has closed its side too."""
        if not self._is_closed:
            self._is_closed = True
            self.step_aside()
            self._answers.server_close()
            self._status.close()

    def _now(self) -> Health:
        return self._judge()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _AwayServer(ThreadingHTTPServer):
    """On a socket that listens already."""

    daemon_threads = True

    def __init__(self, listener: socket.socket, judge: Judge) -> None:
        super().__init__(
            listener.getsockname()[:2], partial(AwayHandler, judge), bind_and_activate=False
        )
        self.socket.close()
        self.socket = listener
