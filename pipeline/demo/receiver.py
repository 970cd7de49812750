"""The demo's receiver: plain http on loopback. What it says is decided by who makes it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from email.message import Message
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Final, NamedTuple, Self

from pipeline.clock import now_ms
from pipeline.demo.contracts import Request

LARGEST_BODY_BYTES: Final = 4 * 1024 * 1024

_IDLE_SECONDS: Final = 60
_HOST: Final = "127.0.0.1"


class Reply(NamedTuple):
    """What to answer, and how long that takes."""

    status: int
    delay_seconds: float = 0.0


Answer = Callable[[Request], Reply]
"""Called by a thread for each connection."""


class DemoReceiver:
    """Serves while it is entered; `nobody` is an address on which nobody listens meanwhile."""

    def __init__(self, answer: Answer, *, port: int = 0) -> None:
        """Port 0: any that is free. Raises OSError where the port cannot be had."""
        self._closing = threading.Event()
        self._server = ThreadingHTTPServer((_HOST, port), _handler(answer, self._closing))
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="receiver", daemon=True
        )
        # Bound and never listened on: connections are refused, and nobody else gets the port.
        self._unheard = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._unheard.bind((_HOST, 0))

    @property
    def url(self) -> str:
        return f"http://{_HOST}:{self._server.server_address[1]}"

    @property
    def nobody(self) -> str:
        return f"http://{_HOST}:{self._unheard.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._unheard.close()


def _handler(answer: Answer, closing: threading.Event) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _IDLE_SECONDS
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if not length.isdecimal() or int(length) > LARGEST_BODY_BYTES:
                self.close_connection = True
                self._say(HTTPStatus.BAD_REQUEST)
                return
            reply = answer(
                Request(
                    endpoint=self.path.removeprefix("/"),
                    headers=_headers(self.headers),
                    body=self.rfile.read(int(length)),
                    at_ms=now_ms(),
                )
            )
            closing.wait(reply.delay_seconds)
            self._say(reply.status)

        def do_OPTIONS(self) -> None:
            """The handshake of CloudEvents' web hooks: whoever asks may send."""
            origin = self.headers.get("WebHook-Request-Origin", "")
            granted = {"WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": "*"}
            self._say(HTTPStatus.OK, granted if origin.isprintable() and origin else {})

        def _say(self, status: int, headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            if status != HTTPStatus.NO_CONTENT:
                self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            """The table shows what came."""

    return Handler


def _headers(message: Message) -> dict[str, str]:
    """By lower-case name; one that was sent twice has both values, which no check accepts."""
    headers: dict[str, str] = {}
    for name, value in message.items():
        known = headers.get(name.lower())
        headers[name.lower()] = value if known is None else f"{known}, {value}"
    return headers
