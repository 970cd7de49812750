"""CPU that a POST of 1 KiB costs the sending process, at each layer of the HTTP adapter.

Start `python -m benchmarks.receiver`, then `python -m benchmarks.http_sending --connections 64`.
The smallest of several rounds is reported: whatever else runs on the machine only ever adds.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import httpx
import uvloop

from pipeline.adapters.http.courier import HttpCourier
from pipeline.adapters.http.curl_client import ClientSettings, CurlClient, open_client
from pipeline.adapters.http.exchange import PreparedRequest, header_lines
from pipeline.adapters.http.httpx_transport import CurlTransport
from pipeline.domain.addresses import parse_rules
from pipeline.domain.urls import parse_url
from pipeline.ports import Parcel

Send = Callable[[], Awaitable[int]]
Layer = Callable[[CurlClient, str], Send]

TIMEOUT_MS = 15_000
BODY = b'{"text":"' + b"x" * 1_013 + b'"}'
HEADERS = (
    ("content-type", "application/json"),
    ("webhook-id", "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W"),
    ("webhook-timestamp", "1674087231"),
    ("webhook-signature", "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="),
    ("user-agent", "webhook-pipeline/0.1"),
)


class Round(NamedTuple):
    """One measurement."""

    cpu_us: float
    per_second: float


def direct(client: CurlClient, url: str) -> Send:
    """`CurlClient.post` with headers that were encoded before."""
    request = PreparedRequest(parse_url(url), header_lines(HEADERS), BODY, TIMEOUT_MS)

    async def send() -> int:
        return (await client.post(request)).status

    return send


def by_courier(client: CurlClient, url: str) -> Send:
    """The sender's port."""
    courier = HttpCourier(client)

    async def send() -> int:
        return (await courier.send(Parcel(url, HEADERS, BODY, TIMEOUT_MS))).status or 0

    return send


def by_httpx(client: CurlClient, url: str) -> Send:
    """An `httpx.Request` handed to the transport."""
    transport = CurlTransport(client)

    async def send() -> int:
        request = httpx.Request("POST", url, headers=list(HEADERS), content=BODY)
        return (await transport.handle_async_request(request)).status_code

    return send


LAYERS: dict[str, Layer] = {"post": direct, "courier": by_courier, "httpx seam": by_httpx}


async def measure(layer: Layer, url: str, *, connections: int, requests: int) -> Round:
    """Send `requests` over as many connections at once, after some to warm up."""
    left = 0

    async def work() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            assert await send() == 200

    async def send_all(count: int) -> None:
        nonlocal left
        left = count
        await asyncio.gather(*(work() for _ in range(connections)))

    async with open_client(ClientSettings(rules=parse_rules(["127.0.0.0/8"]))) as client:
        send = layer(client, url)
        await send_all(4 * connections)
        before, started_at = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        await send_all(requests)
        after, ended_at = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    cpu_seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Round(cpu_seconds / requests * 1e6, requests / (ended_at - started_at))


def parse_options(words: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="http_sending", description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:9000/hook")
    parser.add_argument("--connections", type=int, nargs="+", default=[64])
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args(words)


def main(words: list[str]) -> None:
    """Measure every layer at every number of connections."""
    options = parse_options(words)
    print("layer        connections  CPU us/POST  POST/s")
    for connections in options.connections:
        for name, layer in LAYERS.items():
            rounds = [
                uvloop.run(
                    measure(layer, options.url, connections=connections, requests=options.requests)
                )
                for _ in range(options.rounds)
            ]
            cheapest = min(one.cpu_us for one in rounds)
            fastest = max(one.per_second for one in rounds)
            print(f"{name:12} {connections:11}  {cheapest:11.1f}  {fastest:6.0f}")


if __name__ == "__main__":
    main(sys.argv[1:])
