"""The receiver that behaves as it is told, over real sockets."""

import json
import re
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import pytest

from benchmarks.authority import certify_loopback
from pipeline.supervisor.parent import BEGIN


class Receiver:
    """A running one."""

    def __init__(self, stdout: IO[str]) -> None:
        self.ports: dict[str, int] = {}
        while "listening" not in self.ports:
            match = re.fullmatch(r"(TLS|listening) on 127\.0\.0\.1:(\d+)\n", stdout.readline())
            assert match
            self.ports[match[1]] = int(match[2])

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.ports["listening"]), timeout=10)

    def ask(self, path: str) -> Any:
        with self.connect() as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            return json.loads(read_answer(connection).partition(b"\r\n\r\n")[2])


@contextmanager
def a_receiver(*options: str) -> Generator[Receiver]:
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.observant_receiver", "--port", "0", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(BEGIN.decode())
        process.stdin.flush()
        yield Receiver(process.stdout)
    finally:
        process.terminate()
        assert process.wait(timeout=10) == 0
        process.stdin.close()
        process.stdout.close()


def a_webhook(number: int, *, path: str = "/0/0", webhook_id: str = "msg_1") -> bytes:
    body = b'{"data":{"number":%12d}}' % number
    head = (
        f"POST {path} HTTP/1.1\r\nwebhook-id: {webhook_id}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def read_answer(connection: socket.socket) -> bytes:
    received = b""
    while (match := re.search(rb"Content-Length: (\d+)\r\n\r\n", received)) is None or len(
        received
    ) < match.end() + int(match[1]):
        some = connection.recv(65_536)
        assert some, f"closed after {received!r}"
        received += some
    return received


def eventually(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline, "waited in vain"


def test_it_tells_once_when_each_event_came_wherever_segments_are_cut():
    with a_receiver() as receiver, receiver.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        before_ns = time.monotonic_ns()
        both = a_webhook(7) + a_webhook(123_456)
        for start in range(0, len(both), 9):
            connection.sendall(both[start : start + 9])
        first = read_answer(connection)
        assert first.startswith(b"HTTP/1.1 200 ")
        eventually(lambda: receiver.ask("/stats")["accepted"] == 2)
        arrivals = receiver.ask("/arrivals")
        assert [number for number, _ in arrivals] == [7, 123_456]
        assert before_ns < arrivals[0][1] <= arrivals[1][1] < time.monotonic_ns()
        assert receiver.ask("/arrivals") == []


def test_each_webhook_fails_once_and_is_accepted_the_second_time():
    with a_receiver("--behaviour", "fails-once") as receiver, receiver.connect() as connection:
        found: list[bytes] = []
        for webhook_id in ("a", "b", "a", "c", "b", "c"):
            connection.sendall(a_webhook(1, webhook_id=webhook_id))
            found.append(read_answer(connection)[9:12])
        assert found == [b"409", b"409", b"200", b"409", b"200", b"200"]
        stats = receiver.ask("/stats")
        assert (stats["requests"], stats["accepted"]) == (6, 3)


def test_one_path_misbehaves_and_the_others_do_not():
    with a_receiver() as receiver:
        receiver.ask("/behave/fails/9/0")
        with receiver.connect() as connection:
            connection.sendall(a_webhook(1, path="/9/0"))
            assert read_answer(connection).startswith(b"HTTP/1.1 503 ")
            connection.sendall(a_webhook(2, path="/8/0"))
            assert read_answer(connection).startswith(b"HTTP/1.1 200 ")
        assert receiver.ask("/stats")["accepted"] == 1


def test_a_connection_is_closed_without_an_answer():
    with a_receiver("--behaviour", "closes") as receiver, receiver.connect() as connection:
        connection.sendall(a_webhook(1))
        received = b""
        with suppress(ConnectionResetError):  # that is closed, too
            received = connection.recv(100)
        assert received == b""


@pytest.mark.parametrize("behaviour", ["hangs", "slow"])
def test_an_answer_does_not_come_at_once(behaviour: str):
    with a_receiver("--behaviour", behaviour) as receiver, receiver.connect() as connection:
        connection.sendall(a_webhook(1))
        eventually(lambda: receiver.ask("/stats")["requests"] == 1)
        connection.settimeout(1.0)
        with pytest.raises(TimeoutError):
            connection.recv(100)
        assert receiver.ask("/stats")["accepted"] == 0


def test_an_answer_comes_byte_by_byte():
    with a_receiver("--behaviour", "drips") as receiver, receiver.connect() as connection:
        connection.sendall(a_webhook(1))
        received = b""
        while not received.endswith(b"..."):
            received += connection.recv(100)
        head, _, body = received.partition(b"\r\n\r\n")
        assert b"Content-Length: 1000" in head
        assert body == b"..."


def test_who_trusts_the_runs_authority_reaches_it_over_tls_and_nobody_else(tmp_path: Path):
    certified = certify_loopback(tmp_path)
    request = a_webhook(5)
    with a_receiver("--certificate", str(certified.certificate)) as receiver:
        address = ("127.0.0.1", receiver.ports["TLS"])
        trusting = ssl.create_default_context(cafile=str(certified.authority))
        with (
            socket.create_connection(address, timeout=10) as plain,
            trusting.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
        ):
            connection.sendall(request)
            assert read_answer(connection).startswith(b"HTTP/1.1 200 ")
        with (
            socket.create_connection(address, timeout=10) as plain,
            pytest.raises(ssl.SSLCertVerificationError),
        ):
            ssl.create_default_context().wrap_socket(plain, server_hostname="127.0.0.1")
        assert [number for number, _ in receiver.ask("/arrivals")] == [5]
