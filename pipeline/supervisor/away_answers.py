"""What the API's port answers while the API is not there: how all stands, and "not now"."""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any, Final

from pipeline.telemetry.health_server import REQUEST_SECONDS, Judge, health_answer

_MAX_BODY_BYTES: Final = 1024 * 1024
_NOT_NOW: Final = json.dumps(
    {
        "type": "about:blank",
        "title": HTTPStatus.SERVICE_UNAVAILABLE.phrase,
        "status": HTTPStatus.SERVICE_UNAVAILABLE.value,
        "detail": "The API is being started.",
    }
).encode()


class AwayHandler(BaseHTTPRequestHandler):
    """Answers one request of a connection."""

    timeout = REQUEST_SECONDS
    protocol_version = "HTTP/1.1"
    server_version = ""
    sys_version = ""

    def __init__(self, judge: Judge, *arguments: Any) -> None:  # noqa: ANN401 - http.server's own
        self._judge = judge
        super().__init__(*arguments)

    def do_GET(self) -> None:
        answer = health_answer(self._judge, self.path)
        if answer is None:
            self._not_now()
        else:
            self._answer(*answer)

    def _not_now(self) -> None:
        declared = self.headers.get("Content-Length", "0")
        if declared.isdecimal() and 0 < int(declared) <= _MAX_BODY_BYTES:
            self.rfile.read(int(declared))  # who still sends does not hear
        self._answer(HTTPStatus.SERVICE_UNAVAILABLE, "application/problem+json", _NOT_NOW)

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Every other method's."""
        if name.startswith("do_"):
            return self._not_now
        raise AttributeError(name)

    def _answer(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        # The next request is the API's.
        self.send_header("Connection", "close")
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            self.send_header("Retry-After", "1")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Nobody reads them."""
