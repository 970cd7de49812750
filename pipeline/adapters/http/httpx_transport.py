"""The seam for everything off the hot path: requests and answers as httpx has them."""

from __future__ import annotations

import httpx

from pipeline.adapters.http.curl_client import CurlClient
from pipeline.adapters.http.exchange import (
    Answer,
    Blocked,
    Fault,
    HeaderRefused,
    PreparedRequest,
    SendFailed,
    TimedOut,
    Unreachable,
    header_lines,
)
from pipeline.domain.urls import UrlRefused, parse_url

DEFAULT_TIMEOUT_MS = 15_000
_NOT_PASSED_ON = frozenset(
    {b"host", b"content-length", b"transfer-encoding", b"connection", b"accept-encoding", b"expect"}
)
"""The transport frames the message itself, and decodes nothing."""
_EXCEPTIONS: dict[Fault, type[httpx.TransportError]] = {
    Fault.DNS: httpx.ConnectError,
    Fault.REFUSED: httpx.ConnectError,
    Fault.NETWORK: httpx.ConnectError,
    Fault.TLS: httpx.ConnectError,
    Fault.RESET: httpx.ReadError,
    Fault.PROTOCOL: httpx.RemoteProtocolError,
    Fault.PROXY: httpx.ProxyError,
    Fault.CLOSED: httpx.ReadError,
    Fault.OTHER: httpx.NetworkError,
}


class AddressBlocked(httpx.ConnectError):
    """The address rules forbid it; nothing was dialled."""


class CurlTransport(httpx.AsyncBaseTransport):
    """A `CurlClient` as a transport of httpx.

    The `read` timeout of a request is the deadline of the whole exchange. An answer's body is what
    the client keeps of it (16 KiB), never decoded: `content-encoding` is therefore not among the
    headers but in `extensions`, beside `is_truncated`, `phases` and `address`. Raises httpx's
    exceptions with ours as their cause; AddressBlocked where the address rules forbid the request.
    """

    def __init__(self, client: CurlClient) -> None:
        self._client = client

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        prepared = _prepared(request, await request.aread())
        try:
            answer = await self._client.post(prepared)
        except SendFailed as exc:
            raise _exception_of(exc)(str(exc), request=request) from exc
        return _response(answer)


def _prepared(request: httpx.Request, body: bytes) -> PreparedRequest:
    passed_on = [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in request.headers.raw
        if name.lower() not in _NOT_PASSED_ON
    ]
    try:
        url = parse_url(str(request.url))
        lines = header_lines(passed_on)
    except (UrlRefused, HeaderRefused) as exc:
        raise httpx.LocalProtocolError(str(exc), request=request) from exc
    seconds = request.extensions.get("timeout", {}).get("read")
    timeout_ms = DEFAULT_TIMEOUT_MS if seconds is None else max(int(seconds * 1000), 1)
    return PreparedRequest(url, lines, body, timeout_ms, method=request.method)


def _response(answer: Answer) -> httpx.Response:
    headers = answer.headers()
    return httpx.Response(
        answer.status,
        headers=[header for header in headers if header[0].lower() != "content-encoding"],
        content=answer.body,
        extensions={
            "content_encoding": [
                value for name, value in headers if name.lower() == "content-encoding"
            ],
            "is_truncated": answer.is_truncated,
            "phases": answer.phases,
            "address": answer.address,
        },
    )


def _exception_of(failure: SendFailed) -> type[httpx.TransportError]:
    if isinstance(failure, TimedOut):
        return httpx.ReadTimeout
    if isinstance(failure, Blocked):
        return AddressBlocked
    if isinstance(failure, Unreachable):
        return _EXCEPTIONS[failure.fault]
    return httpx.TransportError
