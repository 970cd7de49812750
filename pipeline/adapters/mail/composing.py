"""A letter as the bytes of a mail (RFC 5322, MIME), in ASCII whatever it contains."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import Final

from pipeline.domain.letters import Letter, one_line
from pipeline.domain.mail_address import check_mail_address

_POLICY: Final = SMTP.clone(cte_type="7bit")
_MEDIA_TYPE: Final = re.compile(r"application/([a-z0-9][a-z0-9.+-]{0,80})")


@dataclass(frozen=True, slots=True)
class MailSender:
    """Who mails are from."""

    name: str
    address: str

    @property
    def domain(self) -> str:
        """Of the address."""
        return self.address.rpartition("@")[2]


def parse_mail_sender(text: str) -> MailSender:
    """`webhooks@example.com` or `Webhooks <webhooks@example.com>`; raises InvalidMailAddress."""
    name, address = parseaddr(text)
    return MailSender(one_line(name), check_mail_address(address))


def compose(letter: Letter, sender: MailSender, *, at_ms: int) -> bytes:
    """The whole mail, lines ended by CR LF.

    Raises:
        ValueError: a header's name or value cannot be written.
    """
    message = EmailMessage(policy=_POLICY)
    message["From"] = Address(sender.name, addr_spec=sender.address)
    message["To"] = Address(addr_spec=letter.to)
    message["Date"] = format_datetime(datetime.fromtimestamp(at_ms // 1000, tz=UTC))
    for name, value in letter.headers:
        message[name] = value
    message.set_content(letter.text, cte="quoted-printable")
    if letter.attachment_name:
        # Base64 whatever it contains: byte for byte as it was signed.
        message.add_attachment(
            letter.body,
            maintype="application",
            subtype=_subtype(letter.content_type),
            cte="base64",
            filename=letter.attachment_name,
        )
    return message.as_bytes()


def _subtype(content_type: str) -> str:
    known = _MEDIA_TYPE.fullmatch(content_type)
    return known[1] if known else "json"
