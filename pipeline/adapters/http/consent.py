"""Asks a target whether it wants to be sent webhooks: the CloudEvents web hook handshake."""

from __future__ import annotations

from typing import Final, Protocol

from pipeline.adapters.http.curl_client import CurlClient
from pipeline.adapters.http.exchange import (
    Blocked,
    HeaderRefused,
    PreparedRequest,
    SendFailed,
    header_lines,
)
from pipeline.domain.addresses import REFUSED_TARGET
from pipeline.domain.consent import (
    REQUEST_CALLBACK,
    REQUEST_ORIGIN,
    REQUEST_RATE,
    Consented,
    Refused,
    judge_answer,
)
from pipeline.domain.urls import UrlRefused, parse_url

CONSENT_TIMEOUT_MS: Final = 15_000


class Question(Protocol):
    """What a target is asked."""

    @property
    def url(self) -> str: ...

    @property
    def origin(self) -> str:
        """The DNS name that deliveries will name."""
        ...

    @property
    def callback_url(self) -> str | None:
        """Where it may consent later; a secret is in it."""
        ...

    @property
    def per_minute(self) -> int | None:
        """The rate that is asked for; None: none is named."""
        ...


class ConsentDesk:
    """Asks over a guarded client; never raises for what a target is, says or does."""

    def __init__(self, client: CurlClient, *, user_agent: str) -> None:
        self._client = client
        self._user_agent = user_agent

    async def ask_consent(self, question: Question) -> Consented | Refused:
        """One `OPTIONS` on exactly the URL, redirects not followed.

        Only the answer's headers consent: no status does, and no failure.
        """
        try:
            answer = await self._client.post(self._request(question))
        except (UrlRefused, HeaderRefused) as exc:
            return Refused(str(exc))
        except Blocked:
            return Refused(REFUSED_TARGET)
        except SendFailed as exc:
            return Refused(f"the target did not answer: {exc}")
        return judge_answer(
            answer.headers(), origin=question.origin, asked_per_minute=question.per_minute
        )

    def _request(self, question: Question) -> PreparedRequest:
        headers = [("user-agent", self._user_agent), (REQUEST_ORIGIN, question.origin)]
        if question.callback_url is not None:
            headers.append((REQUEST_CALLBACK, question.callback_url))
        if question.per_minute is not None:
            headers.append((REQUEST_RATE, str(question.per_minute)))
        return PreparedRequest(
            parse_url(question.url),
            header_lines(headers),
            b"",
            CONSENT_TIMEOUT_MS,
            kept_body_bytes=0,
            method="OPTIONS",
        )
