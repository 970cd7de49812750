"""A Maven repository on loopback that has what the cache of this machine has, and can misbehave."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath

Damage = Callable[[str, bytes], bytes]
"""What is sent in place of a jar's content."""


class JarMirror:
    def __init__(self, jars: Path) -> None:
        self.asked: list[str] = []
        self.damage: Damage = lambda _name, content: content
        self.stuck_at: str | None = None
        """A jar of which only the first half is sent until `go_on` is set."""
        self.is_stuck = threading.Event()
        self.go_on = threading.Event()
        self._jars = jars
        self._server = _Server(self)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def serving(self) -> Generator[JarMirror]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield self
        finally:
            self.go_on.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def answer(self, name: str, to: BaseHTTPRequestHandler) -> None:
        jar = self._jars / name
        if not jar.exists():  # checksums, which jgo asks for too
            to.send_error(404)
            return
        self.asked.append(name)
        content = jar.read_bytes()
        to.send_response(200)
        to.send_header("Content-Length", str(len(content)))
        to.end_headers()
        half = len(content) // 2
        content = self.damage(name, content)
        with suppress(ConnectionError):
            to.wfile.write(content[:half])
            if name == self.stuck_at:
                self.is_stuck.set()
                self.go_on.wait(60)
            to.wfile.write(content[half:])


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, mirror: JarMirror) -> None:
        self.mirror = mirror
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, _Server)
        self.server.mirror.answer(PurePosixPath(self.path).name, self)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it has in http.server
        pass
