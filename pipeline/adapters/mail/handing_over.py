"""One mail over one connection, and what the server's answers amount to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from aiosmtplib import (
    SMTPAuthenticationError,
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
)

from pipeline.adapters.mail.smtp_connections import Connection
from pipeline.domain.delivery import Outcome
from pipeline.domain.letters import one_line
from pipeline.ports import Sent

MAX_ANSWER_CHARS: Final = 1_000
_SERVICE_CLOSING: Final = 421
_PERMANENT: Final = range(500, 600)

OnStep = Callable[[str], None]


class ConnectionStale(Exception):
    """The server had closed the connection before it heard of this mail."""


class NotHandedOver(Exception):
    """The server took nothing, for a reason that has nothing to do with the mail."""


async def hand_over(
    connection: Connection, mail: bytes, *, sender: str, recipient: str, on_step: OnStep
) -> Sent:
    """Accepted, or refused with the server's code. The connection is then fit for another mail.

    Raises:
        ConnectionStale: nothing was said of the mail yet; another connection may do.
        NotHandedOver: the sender is not wanted, or is not allowed to send.
        SMTPException, OSError: the conversation broke off.
    """
    smtp = connection.smtp
    on_step("naming the sender to the mail server")
    try:
        await smtp.mail(sender)
    except SMTPServerDisconnected as exc:
        raise _stale_or(exc, connection) from exc
    except SMTPSenderRefused as exc:
        if exc.code == _SERVICE_CLOSING and connection.is_used:
            raise ConnectionStale from exc
        if exc.code in _PERMANENT:
            # Of the operator's making: the delivery must not die of it.
            raise NotHandedOver(f"the mail server refused the sender: {_said(exc)}") from exc
        return await _refused(connection, exc)
    try:
        on_step("naming the recipient to the mail server")
        await smtp.rcpt(recipient)
        on_step("sending the mail")
        response = await smtp.data(mail)
    except (SMTPRecipientRefused, SMTPDataError) as exc:
        return await _refused(connection, exc)
    return Sent(Outcome.ACCEPTED, response.code)


def failure_text(exc: SMTPException | OSError) -> str:
    """Why the conversation broke off; nothing of the server's name and of our login is in it."""
    if isinstance(exc, SMTPAuthenticationError):
        return f"the mail server refused the login ({exc.code})"
    if isinstance(exc, SMTPServerDisconnected):
        return "the mail server closed the connection"
    if isinstance(exc, SMTPResponseException):
        return f"the mail server answered {_said(exc)}"
    if isinstance(exc, OSError):
        return "no connection to the mail server"
    return one_line(f"the mail server cannot be used: {exc.message}")


async def _refused(connection: Connection, exc: SMTPResponseException) -> Sent:
    try:
        if connection.smtp.is_connected and exc.code != _SERVICE_CLOSING:
            await connection.smtp.rset()
    except (SMTPException, OSError):
        connection.smtp.close()  # what was said of the mail holds nevertheless
    text = one_line(exc.message, limit=MAX_ANSWER_CHARS)
    return Sent(Outcome.REFUSED, exc.code, body=text.encode("utf-8", "replace"))


def _stale_or(exc: SMTPServerDisconnected, connection: Connection) -> Exception:
    return ConnectionStale() if connection.is_used else exc


def _said(exc: SMTPResponseException) -> str:
    return one_line(f"{exc.code} {exc.message}", limit=MAX_ANSWER_CHARS)
