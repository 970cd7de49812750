"""Sends the sender's requests over the HTTP client, and says what became of them in its words."""

from __future__ import annotations

import asyncio

from pipeline.adapters.http.access_tokens import AccessTokens
from pipeline.adapters.http.authorized_destination import AuthorizedDestination
from pipeline.adapters.http.client_certificates import parse_client_certificate
from pipeline.adapters.http.curl_client import CurlClient
from pipeline.adapters.http.exchange import (
    HeaderRefused,
    PreparedRequest,
    SendFailed,
    header_lines,
)
from pipeline.adapters.http.outcomes import (
    Headers,
    RefusedDestination,
    RefusedPosting,
    not_sent,
    refused,
)
from pipeline.adapters.http.transfer import OnEnd, Transfer
from pipeline.domain.access_token import CredentialRefused
from pipeline.domain.client_certificates import ClientCertificateRefused
from pipeline.domain.delivery import Outcome
from pipeline.domain.urls import UrlRefused, parse_url
from pipeline.ports import Parcel, Sent

_NO_STATUS: frozenset[int] = frozenset()
_ACCEPTED = Outcome.ACCEPTED


class HttpCourier:
    """Sends parcels; never raises for what an endpoint is, says or does."""

    def __init__(self, client: CurlClient, *, user_agent: str = "webhook-pipeline") -> None:
        self._client = client
        self._tokens = AccessTokens(client, user_agent=user_agent)

    def destination(
        self, parcel: Parcel, *, acknowledged: frozenset[int]
    ) -> HttpDestination | AuthorizedDestination | RefusedDestination:
        """Where many requests go that are alike in everything but some headers and the body.

        An answer with one of the statuses `acknowledged` is `accepted`.
        """
        try:
            request = _prepared(parcel)
            if parcel.authorization is None:
                return HttpDestination(self._client, request, acknowledged)
            source = self._tokens.source(parcel.authorization)
        except UrlRefused as exc:
            return RefusedDestination(Sent(Outcome.BLOCKED, error=str(exc)))
        except (HeaderRefused, ClientCertificateRefused, CredentialRefused) as exc:
            return RefusedDestination(Sent(Outcome.UNREACHABLE, error=str(exc)))
        return AuthorizedDestination(self._client, request, source, acknowledged=acknowledged)

    async def send(self, parcel: Parcel) -> Sent:
        """Send one. An answer of any status is `refused`: the profile says what acknowledges."""
        ended = asyncio.Event()
        destination = self.destination(parcel, acknowledged=_NO_STATUS)
        posting = destination.post((), parcel.body, ended.set)
        try:
            await ended.wait()
            return posting.result()
        finally:
            posting.close()


class HttpDestination:
    """A URL with all that is the same for every request to it."""

    __slots__ = ("_acknowledged", "_certificate", "_client", "_lines", "_timeout_ms", "_url")

    def __init__(
        self, client: CurlClient, request: PreparedRequest, acknowledged: frozenset[int]
    ) -> None:
        self._client = client
        self._url = request.url
        self._lines = request.header_lines
        self._timeout_ms = request.timeout_ms
        self._certificate = request.client_certificate
        self._acknowledged = acknowledged

    def post(self, headers: Headers, body: bytes, on_end: OnEnd) -> HttpPosting | RefusedPosting:
        """Send one more; `on_end` is called once and may only take note."""
        try:
            lines = self._lines + header_lines(headers)
        except HeaderRefused as exc:
            return RefusedPosting(Sent(Outcome.UNREACHABLE, error=str(exc)), on_end)
        request = PreparedRequest(self._url, lines, body, self._timeout_ms, self._certificate)
        return HttpPosting(self._client.start(request, on_end), self._acknowledged)


class HttpPosting:
    """A request on its way."""

    __slots__ = ("_acknowledged", "_transfer")

    def __init__(self, transfer: Transfer, acknowledged: frozenset[int]) -> None:
        self._transfer = transfer
        self._acknowledged = acknowledged

    def result(self) -> Sent:
        """What became of it, once, after its end; of an accepted one no more than status and time.

        What tenants may not read of a refused address is in the log alone.
        """
        transfer = self._transfer
        try:
            status = transfer.status()
            if status in self._acknowledged:
                return Sent(_ACCEPTED, status, phases={"total": transfer.total_ms()})
            return refused(transfer.answer())
        except SendFailed as exc:
            return not_sent(exc)
        finally:
            transfer.close()

    def close(self) -> None:
        """Nobody asks for the result any more."""
        self._transfer.close()


def _prepared(parcel: Parcel) -> PreparedRequest:
    auth = parcel.client_certificate
    certificate = None
    if auth is not None:
        certificate = parse_client_certificate(auth.certificate, auth.private_key)
    return PreparedRequest(
        parse_url(parcel.url),
        header_lines(parcel.headers),
        parcel.body,
        parcel.timeout_ms,
        certificate,
    )
