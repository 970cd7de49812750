"""What the tests of sending share."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager

import pytest

from pipeline.adapters.http.curl_client import ClientSettings, CurlClient, open_client
from pipeline.adapters.http.curl_sockets import EpollWatch, LoopWatch, WatchSockets
from pipeline.adapters.http.exchange import PreparedRequest, header_lines
from pipeline.domain.addresses import parse_rules
from pipeline.domain.urls import parse_url

LOOPBACK = parse_rules(["127.0.0.0/8", "::1"])
SETTINGS = ClientSettings(rules=LOOPBACK)


@pytest.fixture(params=[EpollWatch, LoopWatch])
async def client(request: pytest.FixtureRequest) -> AsyncGenerator[CurlClient]:
    """A client that may send to loopback; once for each way to watch sockets."""
    watch: WatchSockets = request.param
    async with open_client(SETTINGS._replace(watch=watch)) as opened:
        yield opened


def client_that_looks_up(
    *answers: tuple[str, ...], settings: ClientSettings = SETTINGS
) -> AbstractAsyncContextManager[CurlClient]:
    """A client whose name lookups give `answers`, one after the other; the last one for ever."""
    left = list(answers)

    def look_up(_host: str) -> tuple[str, ...]:
        return left.pop(0) if len(left) > 1 else left[0]

    return open_client(settings._replace(lookup=look_up))


def a_post(
    url: str,
    *headers: tuple[str, str],
    body: bytes = b"{}",
    timeout_ms: int = 10_000,
) -> PreparedRequest:
    return PreparedRequest(parse_url(url), header_lines(headers), body, timeout_ms)
