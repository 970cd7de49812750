"""Access tokens for endpoints that authenticate by OAuth 2: fetched, kept and renewed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final
from weakref import WeakValueDictionary

from pipeline.adapters.http.curl_client import CurlClient
from pipeline.adapters.http.exchange import Answer, PreparedRequest, SendFailed, header_lines
from pipeline.adapters.http.outcomes import not_sent
from pipeline.adapters.http.transfer import Transfer
from pipeline.domain.access_token import (
    TokenRefused,
    TokenRequest,
    read_token_answer,
    token_request,
)
from pipeline.domain.delivery import Outcome
from pipeline.domain.endpoint import OAuth2Auth
from pipeline.domain.urls import ParsedUrl, parse_url
from pipeline.ports import Sent

TOKEN_TIMEOUT_MS: Final = 10_000
TRUST_SECONDS: Final = 60.0
"""A token that replaced a refused one is not replaced in turn before it is so old."""

OnToken = Callable[["str | Sent"], None]
"""Told the token, or what the attempt gave that could not have one."""


class TokenSource:
    """The token of one credential. One request for it at a time, whoever waits."""

    def __init__(self, client: CurlClient, url: ParsedUrl, request: TokenRequest) -> None:
        self._client = client
        self._loop = asyncio.get_running_loop()
        self._request = PreparedRequest(
            url, header_lines(request.headers), request.body, TOKEN_TIMEOUT_MS
        )
        self._token = ""
        self._usable_until = 0.0
        self._trusted_until = 0.0
        self._is_replacing = False
        self._transfer: Transfer | None = None
        self._asked_at = 0.0
        self._waiting: dict[int, OnToken] = {}
        self._last_number = 0

    def current(self) -> str | None:
        """The token that may be used now."""
        return self._token if self._loop.time() < self._usable_until else None

    def replace(self, token: str) -> bool:
        """A request with this token was answered 401: whether it shall be made with another one.

        Not if the token is itself a replacement of late: an endpoint that refuses all tokens must
        not have one fetched for each of its requests.
        """
        if token != self._token:
            return True
        if self._loop.time() < self._trusted_until:
            return False
        self._token, self._usable_until = "", 0.0
        self._is_replacing = True
        return True

    def wait(self, on_token: OnToken) -> int:
        """Have it called once with a new token, on the event loop; the number is for `leave`."""
        self._last_number += 1
        self._waiting[self._last_number] = on_token
        if self._transfer is None:
            self._asked_at = self._loop.time()
            self._transfer = self._client.start(self._request, self._note_end)
        return self._last_number

    def leave(self, number: int) -> None:
        """Wait no longer."""
        self._waiting.pop(number, None)

    def _note_end(self) -> None:
        # Those who wait start requests, which libcurl's own callbacks must not.
        self._loop.call_soon(self._end)

    def _end(self) -> None:
        transfer, self._transfer = self._transfer, None
        if transfer is None:
            return
        try:
            told = self._read(transfer.answer())
        except SendFailed as exc:
            told = _unavailable(not_sent(exc))
        finally:
            transfer.close()
        waiting, self._waiting = self._waiting, {}
        for on_token in waiting.values():
            on_token(told)

    def _read(self, answer: Answer) -> str | Sent:
        try:
            # Of one that is too long there is a part, which is no JSON.
            token = read_token_answer(answer.status, answer.body)
        except TokenRefused as exc:
            headers = tuple(each for each in answer.headers() if each[0].lower() == "retry-after")
            error = f"no access token: {exc}"
            return Sent(Outcome.UNREACHABLE, headers=headers, error=error, address=answer.address)
        self._token = token.text
        self._usable_until = self._asked_at + token.usable_seconds
        if self._is_replacing:
            self._is_replacing = False
            self._trusted_until = self._loop.time() + TRUST_SECONDS
        return token.text


class AccessTokens:
    """The sources of all credentials in use; endpoints with the same credentials share one."""

    def __init__(self, client: CurlClient, *, user_agent: str) -> None:
        self._client = client
        self._user_agent = user_agent
        self._sources: WeakValueDictionary[OAuth2Auth, TokenSource] = WeakValueDictionary()

    def source(self, auth: OAuth2Auth) -> TokenSource:
        """Raises UrlRefused or CredentialRefused."""
        source = self._sources.get(auth)
        if source is None:
            request = token_request(auth, user_agent=self._user_agent)
            source = TokenSource(self._client, parse_url(auth.token_url), request)
            self._sources[auth] = source
        return source


def _unavailable(sent: Sent) -> Sent:
    return sent._replace(error=f"no access token: the token endpoint: {sent.error}", phases=None)
