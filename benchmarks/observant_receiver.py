"""A receiver that notes when each event came, and behaves as it is told, path by path.

Webhooks come over plain HTTP or, with `--certificate`, over TLS on a port of its own. Over plain
HTTP it is asked and told:
`GET /stats` answers the counts; `GET /arrivals` answers `[[number, nanoseconds], ...]` of the
events that have come since it was asked last (CLOCK_MONOTONIC, the same for all processes of a
machine); `GET /behave/<behaviour>/<path>` makes it answer all requests for a path so from now on.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import signal
import ssl
import sys
import time
from pathlib import Path
from typing import Final

import uvloop

from benchmarks.behaviours import Behaving, Behaviour
from benchmarks.http_framing import FramedConnection, Request, answer_of
from pipeline.supervisor.parent import follow_parent

MOST_ARRIVALS: Final = 1_000_000
_NUMBER: Final = re.compile(rb'"number": *(\d{1,18})')


class ObservantReceiver:
    """Its state; one for all connections."""

    def __init__(self, usual: Behaviour) -> None:
        self._usual = usual
        self._behaviours: dict[bytes, Behaviour] = {}
        self._behaving = Behaving()
        self._arrivals: list[tuple[int, int]] = []
        self._requests = 0
        self._connections = 0

    def connection(self) -> FramedConnection:
        """A new client."""
        self._connections += 1
        return FramedConnection(self._take, monotonic_ns=time.monotonic_ns)

    def _take(self, connection: FramedConnection, request: Request) -> None:
        if request.whole.startswith(b"GET "):
            connection.write(answer_of(b"200 OK", json.dumps(self._answer(request)).encode()))
            return
        self._requests += 1
        behaviour = self._behaviours.get(request.path, self._usual)
        self._behaving.answer(behaviour, connection, request)
        number = _NUMBER.search(request.whole)
        if number is not None and len(self._arrivals) < MOST_ARRIVALS:
            self._arrivals.append((int(number[1]), request.received_ns))

    def _answer(self, request: Request) -> object:
        if request.path == b"/arrivals":
            found, self._arrivals = self._arrivals, []
            return found
        if request.path.startswith(b"/behave/"):
            _, _, name, path = request.path.split(b"/", 3)
            self._behaviours[b"/" + path] = Behaviour(name.decode())
        return {
            "requests": self._requests,
            "accepted": self._behaving.accepted,
            "connections": self._connections,
            "cpu_seconds": time.process_time(),
        }


async def serve(port: int, receiver: ObservantReceiver, certificate: Path | None) -> None:
    """Until SIGTERM."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    server = await loop.create_server(receiver.connection, "127.0.0.1", port)
    servers = [server]
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        servers.append(await loop.create_server(receiver.connection, "127.0.0.1", 0, ssl=context))
        print(f"TLS on 127.0.0.1:{servers[1].sockets[0].getsockname()[1]}", flush=True)
    print(f"listening on 127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await ended.wait()
    for one in servers:
        one.close()


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="observant_receiver", description=__doc__)
    parser.add_argument("--port", type=int, default=9000, help="0 takes a free one, and prints it")
    parser.add_argument("--certificate", type=Path, help="PEM: webhooks come over TLS, too")
    parser.add_argument(
        "--behaviour", type=Behaviour, choices=list(Behaviour), default=Behaviour.ACCEPTS
    )
    options = parser.parse_args(words)
    follow_parent()
    uvloop.run(serve(options.port, ObservantReceiver(options.behaviour), options.certificate))


if __name__ == "__main__":
    main(sys.argv[1:])
