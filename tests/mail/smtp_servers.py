"""Real SMTP servers on loopback: aiosmtpd's, and ones that say just what a test wants."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.http.servers import wait_until


@dataclass
class Mailbox:
    """What a server took, and how it answers; both may be changed at any time."""

    mails: list[Envelope] = field(default_factory=list[Envelope])
    at_mail: str | None = None
    at_recipient: str | None = None
    at_data: str | None = None
    waits: asyncio.Event | None = None
    """Where set, DATA is answered when it is."""
    sessions: set[Any] = field(default_factory=set[Any])
    port: int = 0
    servers: list[asyncio.AbstractServer] = field(default_factory=list[asyncio.AbstractServer])
    transports: list[asyncio.BaseTransport] = field(default_factory=list[asyncio.BaseTransport])

    def messages(self) -> list[EmailMessage]:
        return [message_of(mail) for mail in self.mails]

    def drop_connections(self) -> None:
        for transport in self.transports:
            transport.close()

    # What aiosmtpd calls.

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name and arguments
        self,
        _server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        self.sessions.add(session)
        if self.at_mail is not None:
            return self.at_mail
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - as above
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        if self.at_recipient is not None:
            return self.at_recipient
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - as above
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        if self.waits is not None:
            await self.waits.wait()
        if self.at_data is not None:
            return self.at_data
        self.mails.append(envelope)
        return "250 taken as 4711"


def message_of(envelope: Envelope) -> EmailMessage:
    content = envelope.content
    assert isinstance(content, bytes)
    message = message_from_bytes(content, policy=SMTP_POLICY)
    assert isinstance(message, EmailMessage)
    return message


def attachment_of(message: EmailMessage) -> EmailMessage:
    (attachment,) = message.iter_attachments()
    assert isinstance(attachment, EmailMessage)
    return attachment


def only(username: bytes, password: bytes) -> Any:
    """Lets one user in."""

    def authenticate(*arguments: Any) -> AuthResult:
        given = arguments[-1]
        fits = isinstance(given, LoginPassword) and given == LoginPassword(username, password)
        return AuthResult(success=fits, handled=False)

    return authenticate


@asynccontextmanager
async def receiving_mail(
    *, port: int = 0, tls: ssl.SSLContext | None = None, **options: Any
) -> AsyncGenerator[Mailbox]:
    """aiosmtpd on the running event loop; `options` are those of its SMTP."""
    mailbox = Mailbox()
    loop = asyncio.get_running_loop()

    class Noting(SMTP):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            mailbox.transports.append(transport)
            super().connection_made(transport)

    server = await loop.create_server(
        lambda: Noting(mailbox, hostname="mail.test", loop=loop, **options),
        "127.0.0.1",
        port,
        ssl=tls,
    )
    mailbox.port = server.sockets[0].getsockname()[1]
    try:
        yield mailbox
    finally:
        server.close()
        mailbox.drop_connections()
        await wait_until(lambda: all(each.is_closing() for each in mailbox.transports))
