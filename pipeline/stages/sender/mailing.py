"""Sending by e-mail: the mails of one version of an endpoint, one for each delivery."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.domain.letters import Letter, attachment_name, letter_headers, letter_text
from pipeline.domain.profile import WEBHOOK_ID_HEADER

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.domain.delivery import Delivery
    from pipeline.domain.endpoint import Endpoint
    from pipeline.domain.profile import Profile
    from pipeline.domain.signing import Signer
    from pipeline.stages.sender.posting import Headers, Letterbox, Posting

MAIL_TIMEOUT_MS = 60_000
"""Where the endpoint names none: mail servers take their time (RFC 5321, section 4.5.3.2)."""


class LetterWay:
    """Mails to one address. They carry the signature's headers, so that they can be verified."""

    __slots__ = ("_endpoint", "_file_name", "_letterbox", "_signer", "_to")

    def __init__(
        self,
        to: str,
        letterbox: Letterbox,
        *,
        endpoint: Endpoint,
        profile: Profile,
        signer: Signer | None,
    ) -> None:
        self._to = to
        self._letterbox = letterbox
        self._endpoint = endpoint
        self._file_name = profile.email_attachment
        self._signer = signer

    def headers(self, delivery: Delivery, /, *, now_ms: int) -> Headers:
        """Those of the mail, but for From, Date and those of MIME."""
        signature = (
            ()
            if self._signer is None
            else self._signer.headers(delivery.webhook_id, now_ms=now_ms, body=delivery.body)
        )
        return (
            *letter_headers(delivery, domain=self._letterbox.domain),
            (WEBHOOK_ID_HEADER, delivery.webhook_id),
            *signature,
        )

    def post(self, headers: Headers, delivery: Delivery, on_end: Callable[[], None], /) -> Posting:
        """Send the delivery's body, byte for byte, as an attachment."""
        file_name = attachment_name(self._file_name, delivery)
        letter = Letter(
            self._to,
            headers,
            letter_text(delivery, self._endpoint, file_name=file_name),
            file_name,
            delivery.content_type,
            delivery.body,
            self._endpoint.timeout_ms or MAIL_TIMEOUT_MS,
        )
        return self._letterbox.post(letter, on_end)

    def logged(self, headers: Headers, /) -> dict[str, str]:
        """There is nothing secret in a mail's head."""
        return {"To": self._to, **dict(headers)}
