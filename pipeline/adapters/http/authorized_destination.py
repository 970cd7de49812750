"""Requests that carry an access token: fetched when there is none, replaced once on a 401."""

from __future__ import annotations

import asyncio
from typing import Final

from pipeline.adapters.http.access_tokens import TokenSource
from pipeline.adapters.http.curl_client import CurlClient
from pipeline.adapters.http.exchange import (
    HeaderRefused,
    PreparedRequest,
    SendFailed,
    header_lines,
)
from pipeline.adapters.http.outcomes import Headers, RefusedPosting, not_sent, refused
from pipeline.adapters.http.transfer import OnEnd, Transfer
from pipeline.domain.delivery import Outcome
from pipeline.domain.redaction import Redaction
from pipeline.ports import Sent

_UNAUTHORIZED: Final = 401


class AuthorizedDestination:
    """A URL whose requests carry a token; the time-out is the token's fetching included."""

    def __init__(
        self,
        client: CurlClient,
        request: PreparedRequest,
        source: TokenSource,
        *,
        acknowledged: frozenset[int],
    ) -> None:
        self.client = client
        self.request = request
        self.source = source
        self.acknowledged = acknowledged

    def post(
        self, headers: Headers, body: bytes, on_end: OnEnd
    ) -> AuthorizedPosting | RefusedPosting:
        """Send one more; `on_end` is called once and may only take note."""
        try:
            lines = self.request.header_lines + header_lines(headers)
        except HeaderRefused as exc:
            return RefusedPosting(Sent(Outcome.UNREACHABLE, error=str(exc)), on_end)
        return AuthorizedPosting(self, self.request._replace(header_lines=lines, body=body), on_end)


class AuthorizedPosting:
    """A request on its way, or waiting for its token."""

    def __init__(
        self, destination: AuthorizedDestination, request: PreparedRequest, on_end: OnEnd
    ) -> None:
        self._destination = destination
        self._request = request
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._started_at = self._loop.time()
        self._has_replaced = False
        self._token = ""
        self._transfer: Transfer | None = None
        self._failure: Sent | None = None
        self._waiting: tuple[int, asyncio.TimerHandle] | None = None
        self._is_closed = False
        token = destination.source.current()
        if token is None:
            self._wait_for_token()
        else:
            self._send(token)

    def result(self) -> Sent:
        """What became of it, once, after its end; the token is in nothing of it."""
        if self._failure is not None:
            return self._failure
        transfer = self._transfer
        assert transfer is not None  # noqa: S101 - it is asked for once, after the end
        total_ms = self._passed_ms()
        try:
            status = transfer.status()
            if status in self._destination.acknowledged:
                return Sent(Outcome.ACCEPTED, status, phases={"total": total_ms})
            sent = refused(transfer.answer())
        except SendFailed as exc:
            sent = not_sent(exc)
        finally:
            transfer.close()
        redaction = Redaction((self._token,))
        return sent._replace(
            headers=tuple((name, redaction.of_text(value)) for name, value in sent.headers),
            body=redaction.of_bytes(sent.body),
            phases=None if sent.phases is None else {**sent.phases, "total": total_ms},
        )

    def close(self) -> None:
        """Nobody asks for the result any more."""
        self._is_closed = True
        self._stop_waiting()
        if self._transfer is not None:
            self._transfer.close()

    def _wait_for_token(self) -> None:
        left_ms = self._request.timeout_ms - self._passed_ms()
        timer = self._loop.call_later(max(left_ms, 0) / 1000, self._give_up)
        self._waiting = (self._destination.source.wait(self._take_token), timer)

    def _stop_waiting(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            number, timer = waiting
            timer.cancel()
            self._destination.source.leave(number)

    def _give_up(self) -> None:
        self._stop_waiting()
        text = f"no answer of the token endpoint within {self._request.timeout_ms} ms"
        self._fail(Sent(Outcome.TIMED_OUT, error=f"no access token: {text}"))

    def _take_token(self, told: str | Sent) -> None:
        self._stop_waiting()
        if isinstance(told, Sent):
            self._fail(told)
        else:
            self._send(told)

    def _fail(self, sent: Sent) -> None:
        self._failure = sent
        self._on_end()

    def _send(self, token: str) -> None:
        self._token = token
        left_ms = int(self._request.timeout_ms - self._passed_ms())
        if left_ms <= 0:
            self._give_up()
            return
        lines = [*self._request.header_lines, f"authorization: Bearer {token}".encode("ascii")]
        request = self._request._replace(header_lines=lines, timeout_ms=left_ms)
        self._transfer = self._destination.client.start(request, self._note_answer)

    def _note_answer(self) -> None:
        # A 401 starts another request, which libcurl's own callbacks must not.
        self._loop.call_soon(self._judge)

    def _judge(self) -> None:
        if self._is_closed:
            return
        if self._has_replaced or not self._is_unauthorized():
            self._on_end()
            return
        self._has_replaced = True
        source = self._destination.source
        if not source.replace(self._token):
            self._on_end()
            return
        if self._transfer is not None:
            self._transfer.close()
            self._transfer = None
        token = source.current()
        if token is None:
            self._wait_for_token()
        else:
            self._send(token)

    def _is_unauthorized(self) -> bool:
        try:
            return self._transfer is not None and self._transfer.status() == _UNAUTHORIZED
        except SendFailed:
            return False

    def _passed_ms(self) -> float:
        return (self._loop.time() - self._started_at) * 1000
