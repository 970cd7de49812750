"""A broker whose partition is not ready when a producer's first batch comes, and is for the next.

It stands between a client and a real broker. The batch that it refuses it sends to a topic that is
not there; the broker's own refusal comes back, and only once the next batch is on its way.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import BinaryIO, Final

_PRODUCE: Final = 0
_HOST: Final = b"127.0.0.1"
_DEADLINE_SECONDS: Final = 20.0


class RefusingProxy:
    """Refuses the first batch for `topic`. The topic is named by its name, as up to Produce v12."""

    def __init__(self, broker: str, topic: str) -> None:
        self._broker_port = int(broker.rpartition(":")[2])
        self._topic = topic.encode()
        self._absent = b"-" * len(self._topic)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._port: int = self._listening.getsockname()[1]
        self._sockets = [self._listening]
        self._refused: int | None = None
        """The correlation id of the request; there is one producer."""
        self.first_came = threading.Event()
        self._second_came = threading.Event()

    @property
    def bootstrap_servers(self) -> str:
        return f"127.0.0.1:{self._port}"

    def serve(self) -> None:
        """Until it is closed."""
        while True:
            try:
                client = self._listening.accept()[0]
            except OSError:
                return
            broker = socket.create_connection(("127.0.0.1", self._broker_port))
            self._sockets += [client, broker]
            for take in (self._take_requests, self._take_answers):
                threading.Thread(target=take, args=(client, broker), daemon=True).start()

    def close(self) -> None:
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _take_requests(self, client: socket.socket, broker: socket.socket) -> None:
        requests = client.makefile("rb")
        while (request := _read(requests)) is not None:
            key, _, correlation = struct.unpack_from(">hhi", request)
            if key == _PRODUCE and self._topic in request:
                if self._refused is None:
                    self._refused = correlation
                    request = request.replace(self._topic, self._absent)
                    self.first_came.set()
                else:
                    self._second_came.set()
            _write(broker, request)

    def _take_answers(self, client: socket.socket, broker: socket.socket) -> None:
        here, there = (_HOST + struct.pack(">i", port) for port in (self._port, self._broker_port))
        answers = broker.makefile("rb")
        while (answer := _read(answers)) is not None:
            if struct.unpack_from(">i", answer)[0] == self._refused and self._absent in answer:
                answer = answer.replace(self._absent, self._topic)
                assert self._second_came.wait(_DEADLINE_SECONDS)
            _write(client, answer.replace(there, here))


@contextmanager
def refusing_proxy(broker: str, topic: str) -> Generator[RefusingProxy]:
    """Serves during the block."""
    proxy = RefusingProxy(broker, topic)
    thread = threading.Thread(target=proxy.serve, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.close()
        thread.join(_DEADLINE_SECONDS)


def _read(stream: BinaryIO) -> bytes | None:
    """A request or an answer without its length; None at the end."""
    with suppress(OSError):
        if len(size := stream.read(4)) == 4:
            return stream.read(struct.unpack(">i", size)[0])
    return None


def _write(one: socket.socket, message: bytes) -> None:
    with suppress(OSError):
        one.sendall(struct.pack(">i", len(message)) + message)
