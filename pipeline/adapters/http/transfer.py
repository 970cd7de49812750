"""One request on its way, in the hands of whoever sent it."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.adapters.http.curl_exchange import CurlExchange
from pipeline.adapters.http.curl_loop import Ended
from pipeline.adapters.http.exchange import Answer

OnEnd = Callable[[], None]
"""Called once when a transfer has ended, on the event loop. It may take note of that, and nothing
else: what came is asked for later."""
Release = Callable[[CurlExchange], None]


class Transfer:
    """Ask for `status` or `answer` after its end; `close` it in any case, before or after that."""

    __slots__ = ("_dns_ms", "_ended", "_exchange", "_failure", "_on_end", "_release", "is_closed")

    def __init__(self, on_end: OnEnd, release: Release) -> None:
        self._on_end = on_end
        self._release = release
        self._exchange: CurlExchange | None = None
        self._dns_ms = 0.0
        self._ended: Ended | None = None
        self._failure: BaseException | None = None
        self.is_closed = False

    def begin(self, exchange: CurlExchange, dns_ms: float) -> None:
        """The request is under way, after a lookup that took so long."""
        self._exchange = exchange
        self._dns_ms = dns_ms

    def end(self, ended: Ended) -> None:
        """libcurl is done with it."""
        self._ended = ended
        self._on_end()

    def fail(self, failure: BaseException) -> None:
        """It ended before libcurl had it."""
        self._failure = failure
        if not self.is_closed:
            self._on_end()

    def status(self) -> int:
        """Of the whole answer that came; raises TimedOut, Unreachable, Blocked if none did."""
        exchange, ended = self._whole()
        code = exchange.code(ended.code)
        if code:
            raise exchange.failure(code, ended.text, self._dns_ms)
        return exchange.status()

    def total_ms(self) -> float:
        """How long it took."""
        return self._whole()[0].total_ms(self._dns_ms)

    def answer(self) -> Answer:
        """The whole answer; raises as `status` does."""
        self.status()
        return self._whole()[0].answer(self._dns_ms)

    def close(self) -> None:
        """Nobody asks any more: what is still under way ends, with its connection."""
        self.is_closed = True
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            self._release(exchange)

    def _whole(self) -> tuple[CurlExchange, Ended]:
        if self._failure is not None:
            raise self._failure
        assert self._exchange is not None  # noqa: S101 - it is asked for once, after the end
        assert self._ended is not None  # noqa: S101
        return self._exchange, self._ended
