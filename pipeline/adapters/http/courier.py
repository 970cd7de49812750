"""Sends the sender's requests over the HTTP client, and says what became of them in its words."""

from __future__ import annotations

import asyncio

from pipeline.adapters.http.client_certificates import (
    ClientCertificateRefused,
    parse_client_certificate,
)
from pipeline.adapters.http.curl_client import CurlClient
from pipeline.adapters.http.exchange import (
    Answer,
    Blocked,
    HeaderRefused,
    Phases,
    PreparedRequest,
    SendFailed,
    TimedOut,
    header_lines,
)
from pipeline.adapters.http.transfer import OnEnd, Transfer
from pipeline.domain.addresses import REFUSED_TARGET
from pipeline.domain.delivery import Outcome
from pipeline.domain.urls import UrlRefused, parse_url
from pipeline.ports import Parcel, Sent

Headers = tuple[tuple[str, str], ...]

_NO_STATUS: frozenset[int] = frozenset()
_ACCEPTED = Outcome.ACCEPTED


class HttpCourier:
    """Sends parcels; never raises for what an endpoint is, says or does."""

    def __init__(self, client: CurlClient) -> None:
        self._client = client

    def destination(
        self, parcel: Parcel, *, acknowledged: frozenset[int]
    ) -> HttpDestination | RefusedDestination:
        """Where many requests go that are alike in everything but some headers and the body.

        An answer with one of the statuses `acknowledged` is `accepted`.
        """
        auth = parcel.client_certificate
        try:
            request = PreparedRequest(
                parse_url(parcel.url),
                header_lines(parcel.headers),
                parcel.body,
                parcel.timeout_ms,
                None
                if auth is None
                else parse_client_certificate(auth.certificate, auth.private_key),
            )
        except UrlRefused as exc:
            return RefusedDestination(Sent(Outcome.BLOCKED, error=str(exc)))
        except (HeaderRefused, ClientCertificateRefused) as exc:
            return RefusedDestination(Sent(Outcome.UNREACHABLE, error=str(exc)))
        return HttpDestination(self._client, request, acknowledged)

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
            return _refused(transfer.answer())
        except SendFailed as exc:
            return _not_sent(exc)
        finally:
            transfer.close()

    def close(self) -> None:
        """Nobody asks for the result any more."""
        self._transfer.close()


class RefusedDestination:
    """What nothing can be sent to."""

    def __init__(self, sent: Sent) -> None:
        self._sent = sent

    def post(self, _headers: Headers, _body: bytes, on_end: OnEnd) -> RefusedPosting:
        """End at once, as all others to it."""
        return RefusedPosting(self._sent, on_end)


class RefusedPosting:
    """A request that was never made."""

    def __init__(self, sent: Sent, on_end: OnEnd) -> None:
        self._sent = sent
        self._end = asyncio.get_running_loop().call_soon(on_end)

    def result(self) -> Sent:
        """Why not."""
        return self._sent

    def close(self) -> None:
        """Nobody asks for the result any more."""
        self._end.cancel()


def _refused(answer: Answer) -> Sent:
    return Sent(
        Outcome.REFUSED,
        answer.status,
        answer.headers(),
        answer.body,
        phases=_phase_times(answer.phases),
        address=answer.address,
    )


def _not_sent(failure: SendFailed) -> Sent:
    phases = None if failure.phases is None else _phase_times(failure.phases)
    if isinstance(failure, Blocked):
        return Sent(Outcome.BLOCKED, error=REFUSED_TARGET, address=failure.address)
    outcome = Outcome.TIMED_OUT if isinstance(failure, TimedOut) else Outcome.UNREACHABLE
    return Sent(outcome, error=str(failure), phases=phases, address=failure.address)


def _phase_times(phases: Phases) -> dict[str, float]:
    return {
        "dns": phases.dns_ms,
        "connect": phases.connect_ms,
        "tls": phases.tls_ms,
        "first_byte": phases.first_byte_ms,
        "total": phases.total_ms,
    }
