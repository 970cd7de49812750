"""`/healthz`.

`/readyz` and `/metrics` of one process, answered by a thread so that a busy event loop still
answers.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

REQUEST_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Health:
    """How a process stands. Not alive: it must be started anew; not ready.

    It is not working yet.
    """

    is_alive: bool
    is_ready: bool
    detail: dict[str, Any] = field(default_factory=dict[str, Any])


Judge = Callable[[], Health]
"""Says how things stand. Called by many threads."""
Answer = tuple[HTTPStatus, str, bytes]
"""Status, content type and body."""


def health_answer(judge: Judge, path: str) -> Answer | None:
    """What is to be answered at `/healthz`, `/readyz` and `/metrics`; None for other paths."""
    if path == "/metrics":
        return HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest()
    if path == "/healthz":
        health = judge()
        return _told(health, is_well=health.is_alive)
    if path == "/readyz":
        health = judge()
        return _told(health, is_well=health.is_ready)
    return None


def _told(health: Health, *, is_well: bool) -> Answer:
    status = HTTPStatus.OK if is_well else HTTPStatus.SERVICE_UNAVAILABLE
    text = json.dumps({"status": "ok" if is_well else "unavailable", **health.detail})
    return status, "application/json", f"{text}\n".encode()


class HealthServer:
    """Serves until `close`. Raises OSError where the port is in use."""

    def __init__(self, host: str, port: int, *, judge: Judge) -> None:
        class Handler(BaseHTTPRequestHandler):
            timeout = REQUEST_SECONDS
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                not_found = (HTTPStatus.NOT_FOUND, "text/plain", b"not found\n")
                self._answer(*(health_answer(judge, self.path) or not_found))

            def _answer(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
                """Probes are not worth a line each."""

        self._server = ThreadingHTTPServer((host, port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="health", daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.server_address[1]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
