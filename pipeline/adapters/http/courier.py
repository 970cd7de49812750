"""Sends the sender's parcels: the port `Courier`, over the HTTP client."""

from __future__ import annotations

from typing import TypeVar

from pipeline.adapters.http.client_certificates import (
    ClientCertificateRefused,
    parse_client_certificate,
)
from pipeline.adapters.http.curl_client import CurlClient
from pipeline.adapters.http.exchange import (
    Answer,
    Blocked,
    ClientCertificate,
    HeaderRefused,
    Phases,
    PreparedRequest,
    SendFailed,
    TimedOut,
    header_lines,
)
from pipeline.domain.addresses import REFUSED_TARGET
from pipeline.domain.delivery import Outcome
from pipeline.domain.endpoint import MutualTlsAuth
from pipeline.domain.urls import ParsedUrl, UrlRefused, parse_url
from pipeline.ports import Parcel, Sent

MOST_REMEMBERED = 20_000

Key = TypeVar("Key")
Value = TypeVar("Value")


class HttpCourier:
    """Sends parcels; never raises for what an endpoint is, says or does."""

    def __init__(self, client: CurlClient) -> None:
        self._client = client
        self._urls: dict[str, ParsedUrl] = {}
        self._certificates: dict[MutualTlsAuth, ClientCertificate] = {}

    async def send(self, parcel: Parcel) -> Sent:
        """Send one. An answer of any status is `refused`: the profile says what acknowledges.

        What tenants may not read of a refused address is in the log alone.
        """
        try:
            request = self._prepared(parcel)
        except UrlRefused as exc:
            return Sent(Outcome.BLOCKED, error=str(exc))
        except (HeaderRefused, ClientCertificateRefused) as exc:
            return Sent(Outcome.UNREACHABLE, error=str(exc))
        try:
            return _sent(await self._client.post(request))
        except SendFailed as exc:
            return _not_sent(exc)

    def _prepared(self, parcel: Parcel) -> PreparedRequest:
        url = self._urls.get(parcel.url)
        if url is None:
            url = _remember(self._urls, parcel.url, parse_url(parcel.url))
        auth = parcel.client_certificate
        certificate = None if auth is None else self._certificate(auth)
        lines = header_lines(parcel.headers)
        return PreparedRequest(url, lines, parcel.body, parcel.timeout_ms, certificate)

    def _certificate(self, auth: MutualTlsAuth) -> ClientCertificate:
        known = self._certificates.get(auth)
        if known is not None:
            return known
        parsed = parse_client_certificate(auth.certificate, auth.private_key)
        return _remember(self._certificates, auth, parsed)


def _remember(memory: dict[Key, Value], key: Key, value: Value) -> Value:
    if len(memory) >= MOST_REMEMBERED:
        del memory[next(iter(memory))]
    memory[key] = value
    return value


def _sent(answer: Answer) -> Sent:
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
