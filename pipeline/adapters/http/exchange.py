"""One HTTP request and what came of it: plain values and the closed family of failures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from pipeline.domain.urls import ParsedUrl

KEPT_BODY_BYTES = 16_384
KEPT_HEADER_BYTES = 16_384

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")
_UNSENDABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_FRAMING = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


class HeaderRefused(ValueError):
    """A header that cannot be sent; the message names it and says why."""


def header_lines(headers: Iterable[tuple[str, str]]) -> list[bytes]:
    """Header lines as `PreparedRequest` takes them, in the order and case given.

    Values that are not ASCII go out as UTF-8. Raises HeaderRefused: a name that is no token, a
    header that frames the message (those are the transport's), a value with a line break or another
    control character in it.
    """
    lines = [
        _name_with_colon(name) + value if value else f"{_checked_name(name)};"
        for name, value in headers
    ]
    text = "".join(lines)
    if not text.isprintable():
        _refuse_unsendable(lines)
    return [line.encode() for line in lines]


@lru_cache(maxsize=1024)
def _name_with_colon(name: str) -> str:
    return f"{_checked_name(name)}: "


def _checked_name(name: str) -> str:
    if not _TOKEN.fullmatch(name):
        raise HeaderRefused(f"{name[:80]!r} cannot be the name of a header")
    if name.lower() in _FRAMING:
        raise HeaderRefused(f"the header {name} is the transport's own: leave it out")
    return name


def _refuse_unsendable(lines: list[str]) -> None:
    for line in lines:
        if _UNSENDABLE.search(line):
            name = line.partition(":")[0]
            raise HeaderRefused(f"the header {name} has a line break or control character in it")


class ClientCertificate(NamedTuple):
    """A certificate (with its chain) and its key, PEM. They are known to belong together."""

    certificate: bytes
    private_key: bytes


class PreparedRequest(NamedTuple):
    """A request with nothing left to decide."""

    url: ParsedUrl
    header_lines: list[bytes]
    """Made by `header_lines`; Host and Content-Length are added, nothing else is."""
    body: bytes
    timeout_ms: int
    """For everything together: name lookup, connecting, TLS, sending, the answer with its body."""
    client_certificate: ClientCertificate | None = None
    kept_body_bytes: int = KEPT_BODY_BYTES
    method: str = "POST"


class Phases(NamedTuple):
    """How long each part took, in milliseconds.

    On a connection that is used again the first three are 0.
    """

    dns_ms: float
    connect_ms: float
    tls_ms: float
    first_byte_ms: float
    """From the request being ready to go to the first byte of the answer."""
    total_ms: float


class Answer(NamedTuple):
    """A whole answer, whatever its status."""

    status: int
    raw_header_lines: tuple[bytes, ...]
    """As received, interim answers and trailers included: `headers` reads them."""
    body: bytes
    """Not decoded in any way, at most as much as the request said to keep."""
    is_truncated: bool
    """Whether the body was longer than what was kept."""
    phases: Phases
    address: str
    """The address that was dialled."""

    def headers(self) -> tuple[tuple[str, str], ...]:
        """Names and values of the final answer, in its order; those within its first 16 KiB."""
        head = final_head(self.raw_header_lines) or b""
        if len(head) > KEPT_HEADER_BYTES:
            head = head[: head.rfind(b"\n", 0, KEPT_HEADER_BYTES) + 1]
        found: list[tuple[str, str]] = []
        for line in head.decode("latin-1").split("\n"):
            name, colon, value = line.partition(":")
            if colon:
                found.append((name, value.strip()))
        return tuple(found)


def final_head(raw_header_lines: Sequence[bytes]) -> bytes | None:
    """The headers of the answer itself: neither its status line, nor interim answers, nor trailers.

    None where the connection ended before the empty line that ends the head.
    """
    lines = b"".join(raw_header_lines)
    start = lines.find(b"\n", lines.rfind(b"\nHTTP/") + 1)
    ends = [end for end in (lines.find(b"\n\r\n", start), lines.find(b"\n\n", start)) if end >= 0]
    if start < 0 or not ends:
        return None
    return lines[start + 1 : min(ends) + 1]


class Fault(StrEnum):
    """What made an endpoint unreachable."""

    DNS = "dns"
    REFUSED = "refused"
    NETWORK = "network"
    RESET = "reset"
    TLS = "tls"
    PROTOCOL = "protocol"
    PROXY = "proxy"
    CLOSED = "closed"
    """This side is shutting down."""
    OTHER = "other"


class SendFailed(Exception):
    """No whole answer came: TimedOut, Unreachable or Blocked, and nothing else."""

    def __init__(
        self, text: str, *, address: str | None = None, phases: Phases | None = None
    ) -> None:
        super().__init__(text)
        self.address = address
        """The address that was dialled, or refused."""
        self.phases = phases


class TimedOut(SendFailed):
    """The request's time was over before the answer was complete."""


class Blocked(SendFailed):
    """The address rules forbid it; nothing was dialled. The text is for the operator's log."""


class Unreachable(SendFailed):
    """No connection, or not one that gave a whole HTTP answer."""

    def __init__(
        self,
        text: str,
        *,
        fault: Fault,
        address: str | None = None,
        phases: Phases | None = None,
    ) -> None:
        super().__init__(text, address=address, phases=phases)
        self.fault = fault
