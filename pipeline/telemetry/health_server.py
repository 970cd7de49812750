"""`/healthz`.

`/readyz` and `/metrics` of one process, answered by a thread so that a busy event loop still
answers.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

if TYPE_CHECKING:
    from collections.abc import Callable

REQUEST_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Health:
    """How a process stands. Not alive: it must be started anew; not ready.

    It is not working yet.
    """

    is_alive: bool
    is_ready: bool
    detail: dict[str, Any] = field(default_factory=dict[str, Any])


class HealthServer:
    """Serves until `close`. Raises OSError where the port is in use."""

    def __init__(self, host: str, port: int, *, judge: Callable[[], Health]) -> None:
        class Handler(BaseHTTPRequestHandler):
            timeout = REQUEST_SECONDS
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if self.path == "/metrics":
                    self._answer(HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest())
                    return
                health = judge()
                if self.path == "/healthz":
                    self._judge(health, is_well=health.is_alive)
                elif self.path == "/readyz":
                    self._judge(health, is_well=health.is_ready)
                else:
                    self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"not found\n")

            def _judge(self, health: Health, *, is_well: bool) -> None:
                status = HTTPStatus.OK if is_well else HTTPStatus.SERVICE_UNAVAILABLE
                text = json.dumps({"status": "ok" if is_well else "unavailable", **health.detail})
                self._answer(status, "application/json", f"{text}\n".encode())

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
