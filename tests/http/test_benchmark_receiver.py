from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the receiver speaks to epoll")


@contextmanager
def a_receiver(*options: str) -> Generator[int]:
    """A running receiver's port."""
    command = [sys.executable, "-m", "benchmarks.receiver", "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    stdout: IO[str] | None = process.stdout
    assert stdout is not None
    try:
        match = re.fullmatch(r"listening on 127\.0\.0\.1:(\d+)\n", stdout.readline())
        assert match
        yield int(match[1])
    finally:
        process.terminate()
        assert process.wait(timeout=10) == 0
        stdout.close()


def read_answers(connection: socket.socket, count: int) -> list[bytes]:
    received = b""
    while received.count(b"\r\n\r\nok") < count:
        received += connection.recv(65_536)
    return received.split(b"\r\n\r\nok")[:-1]


def stats(port: int) -> dict[str, float]:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"GET /stats HTTP/1.1\r\nHost: a\r\n\r\n")
        received = b""
        while not received.endswith(b"}"):
            received += connection.recv(65_536)
    return json.loads(received.partition(b"\r\n\r\n")[2])


def a_request(body: bytes) -> bytes:
    return b"POST / HTTP/1.1\r\nHost: a\r\ncontent-length: %d\r\n\r\n" % len(body) + body


def wait_for(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline, "waited in vain"
        os.sched_yield()


def test_a_body_of_4_mib_in_many_segments_is_one_request():
    request = a_request(os.urandom(4 << 20))
    with a_receiver() as port, socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(request), 3_001):
            connection.sendall(request[start : start + 3_001])
        assert len(read_answers(connection, 1)) == 1
        assert (stats(port)["requests"], stats(port)["body_bytes"]) == (1, 4 << 20)


def test_pipelined_requests_are_each_answered_wherever_the_segments_are_cut():
    requests = b"".join(a_request(b"x" * size) for size in (0, 1, 500, 7))
    with a_receiver() as port:
        for size in (1, 2, 13, 100, len(requests)):
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for start in range(0, len(requests), size):
                    connection.sendall(requests[start : start + size])
                answers = read_answers(connection, 4)
                assert all(answer.startswith(b"HTTP/1.1 200 OK") for answer in answers)
        assert stats(port)["requests"] == 20


def test_several_processes_share_a_port_and_are_counted_together(tmp_path: Path):
    file = tmp_path / "count.json"
    with a_receiver("--processes", "3", "--status", "503", "--count-file", str(file)) as port:
        for _ in range(30):
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(a_request(b"x"))
                assert read_answers(connection, 1)[0].startswith(b"HTTP/1.1 503 ")
        assert (stats(port)["requests"], stats(port)["processes"]) == (30, 3)
        wait_for(lambda: file.exists() and json.loads(file.read_text())["requests"] == 30)


def test_answers_can_be_delayed():
    with (
        a_receiver("--delay-ms", "200") as port,
        socket.create_connection(("127.0.0.1", port)) as connection,
    ):
        started_at = time.monotonic()
        connection.sendall(a_request(b"1") + a_request(b"2"))
        assert len(read_answers(connection, 2)) == 2
        assert 0.19 < time.monotonic() - started_at < 5


def test_a_body_without_a_length_is_refused():
    with a_receiver() as port, socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert connection.recv(65_536).startswith(b"HTTP/1.1 411 ")
        assert connection.recv(65_536) == b""
