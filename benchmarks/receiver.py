"""The webhook receiver that benchmarks send to: answers and counts on as little CPU as it can.

`python -m benchmarks.receiver --port 9000 --processes 2` answers 200 to everything but
`GET /stats`, which answers the counts of all its processes as JSON. Requests are framed by
`Content-Length`; connections are kept alive; pipelined requests are answered in order; bodies are
discarded as they come, of any length and in any number of segments. Linux only: it speaks to epoll
itself, since an event loop would cost more than the answers do.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import select
import signal
import socket
import sys
import time
from collections import deque
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from benchmarks.shared_counters import Counters

MAX_HEAD_BYTES = 65_536
READ_BYTES = 262_144
BACKLOG = 4_096
COUNT_FILE_EVERY_SECONDS = 0.2
IDLE_WAIT_SECONDS = 0.2
CONTENT_LENGTH = re.compile(rb"\ncontent-length:[ \t]*(\d{1,15})[ \t]*\r", re.IGNORECASE)
TRANSFER_ENCODING = re.compile(rb"\ntransfer-encoding:", re.IGNORECASE)


class Reply(NamedTuple):
    """What every request is answered with, and after how long."""

    status: int
    body: bytes
    delay_ms: float


def answer_bytes(status: int, body: bytes) -> bytes:
    """A whole HTTP/1.1 answer."""
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Status"
    lines = (
        f"HTTP/1.1 {status} {phrase}",
        "Content-Type: text/plain",
        f"Content-Length: {len(body)}",
        "",
        "",
    )
    return "\r\n".join(lines).encode() + body


class Connection:
    """One client: a socket, and how much of which request is still to come."""

    __slots__ = ("body_to_come", "head_so_far", "open", "socket")

    def __init__(self, accepted: socket.socket) -> None:
        self.socket = accepted
        self.head_so_far = b""
        self.body_to_come = 0
        self.open = True

    def send(self, answer: bytes) -> None:
        """Send at once; a client that lets answers pile up, or is gone, is cut off."""
        try:
            if self.socket.send(answer) == len(answer):
                return
        except OSError:
            pass
        self.close()

    def close(self) -> None:
        self.open = False
        self.socket.close()


class Receiver:
    """One process's loop over all its connections."""

    def __init__(self, listener: socket.socket, reply: Reply, counters: Counters) -> None:
        self._listener = listener
        self._answer = answer_bytes(reply.status, reply.body)
        self._delay_seconds = reply.delay_ms / 1000
        self._counters = counters
        self._cells = counters.of(0)
        self._connections: dict[int, Connection] = {}
        self._delayed: deque[tuple[float, Connection]] = deque()
        self._epoll = select.epoll()
        self._stopping = False

    def run(self, number: int) -> None:
        """Answer as process `number` until SIGTERM, SIGINT or the end of the parent."""
        parent = os.getppid()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, self._stop)
        self._cells = self._counters.of(number)
        self._cells[3] = os.getpid()
        self._listener.setblocking(False)
        listening = self._listener.fileno()
        self._epoll.register(listening, select.EPOLLIN)
        connections = self._connections
        while not self._stopping:
            events = self._epoll.poll(self._wait_seconds())
            if not events and os.getppid() != parent:
                return
            for fd, _ in events:
                connection = connections.get(fd)
                if connection is None:
                    self._accept()
                else:
                    self._read(connection)
                    if not connection.open:
                        del connections[fd]
            if self._delayed:
                self._send_what_is_due()

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _wait_seconds(self) -> float:
        if not self._delayed:
            return IDLE_WAIT_SECONDS
        return max(0.0, min(IDLE_WAIT_SECONDS, self._delayed[0][0] - time.monotonic()))

    def _send_what_is_due(self) -> None:
        now = time.monotonic()
        while self._delayed and self._delayed[0][0] <= now:
            connection = self._delayed.popleft()[1]
            if connection.open:
                fd = connection.socket.fileno()
                connection.send(self._answer)
                if not connection.open:
                    del self._connections[fd]

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self._listener.accept()
            except BlockingIOError:
                return
            accepted.setblocking(False)
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections[accepted.fileno()] = Connection(accepted)
            self._epoll.register(accepted.fileno(), select.EPOLLIN)
            self._cells[2] += 1

    def _read(self, connection: Connection) -> None:
        try:
            received = connection.socket.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        if not received:
            connection.close()
            return
        if connection.body_to_come:
            received = self._take_body(connection, received)
        if received:
            self._take_requests(connection, connection.head_so_far + received)

    def _take_body(self, connection: Connection, received: bytes) -> bytes:
        taken = min(connection.body_to_come, len(received))
        self._cells[1] += taken
        connection.body_to_come -= taken
        if not connection.body_to_come:
            self._finish_request(connection)
        return received[taken:]

    def _take_requests(self, connection: Connection, received: bytes) -> None:
        start = 0
        end = len(received)
        while start < end and connection.open:
            head_end = received.find(b"\r\n\r\n", start)
            if head_end < 0:
                break
            match = CONTENT_LENGTH.search(received, start, head_end + 2)
            if match is None:
                self._take_bodiless(connection, received[start : head_end + 2])
                start = head_end + 4
                continue
            length = int(match[1])
            start = head_end + 4 + length
            if start > end:
                connection.body_to_come = start - end
                self._cells[1] += length - connection.body_to_come
            else:
                self._cells[1] += length
                self._finish_request(connection)
        connection.head_so_far = received[start:]
        if len(connection.head_so_far) > MAX_HEAD_BYTES:
            self._refuse(connection, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def _take_bodiless(self, connection: Connection, head: bytes) -> None:
        if TRANSFER_ENCODING.search(head):
            self._refuse(connection, HTTPStatus.LENGTH_REQUIRED)
        elif head.startswith(b"GET /stats "):
            connection.send(answer_bytes(200, self._counters.as_json()))
        else:
            self._finish_request(connection)

    def _refuse(self, connection: Connection, status: int) -> None:
        connection.send(answer_bytes(status, b""))
        connection.close()

    def _finish_request(self, connection: Connection) -> None:
        self._cells[0] += 1
        if self._delay_seconds:
            self._delayed.append((time.monotonic() + self._delay_seconds, connection))
        else:
            connection.send(self._answer)


def listening_socket(host: str, port: int) -> socket.socket:
    """A listening socket; sibling processes have others on its address (SO_REUSEPORT)."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.bind((host, port))
    bound.listen(BACKLOG)
    return bound


def start_processes(listeners: list[socket.socket], reply: Reply, counters: Counters) -> list[int]:
    """One child process a listener; their ids."""
    children: list[int] = []
    for number, listener in enumerate(listeners):
        child = os.fork()
        if child == 0:
            for other in listeners[:number] + listeners[number + 1 :]:
                other.close()
            Receiver(listener, reply, counters).run(number)
            os._exit(0)
        children.append(child)
    for listener in listeners:
        listener.close()
    return children


def watch(children: list[int], counters: Counters, count_file: Path | None) -> None:
    """Until the children have ended: pass signals on, and keep the count file."""

    def end_children(*_: object) -> None:
        for child in alive:
            os.kill(child, signal.SIGTERM)

    alive = set(children)
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, end_children)
    while alive:
        time.sleep(COUNT_FILE_EVERY_SECONDS)
        alive -= {child for child in alive if os.waitpid(child, os.WNOHANG)[0]}
        if count_file is not None:
            beside = count_file.with_name(f"{count_file.name}.new")
            beside.write_bytes(counters.as_json())
            beside.replace(count_file)


def parse_options(words: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="receiver", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000, help="0 takes a free one, and prints it")
    parser.add_argument("--processes", type=int, default=1, help="sharing the port")
    parser.add_argument("--status", type=int, default=200)
    parser.add_argument("--body", default="ok", help="body of every answer")
    parser.add_argument("--delay-ms", type=float, default=0.0, help="before each answer")
    parser.add_argument("--count-file", type=Path, help="keep the counts here too, as JSON")
    return parser.parse_args(words)


def main(words: list[str]) -> None:
    """Bind the port, start the processes and wait for them."""
    options = parse_options(words)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    first = listening_socket(options.host, options.port)
    port = first.getsockname()[1]
    others = [listening_socket(options.host, port) for _ in range(options.processes - 1)]
    counters = Counters(options.processes)
    reply = Reply(options.status, options.body.encode(), options.delay_ms)
    children = start_processes([first, *others], reply, counters)
    print(f"listening on {options.host}:{port}", flush=True)
    watch(children, counters, options.count_file)


if __name__ == "__main__":
    main(sys.argv[1:])
