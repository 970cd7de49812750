"""Takes letters to the operator's mail server, and says what became of them."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import certifi
from aiosmtplib import SMTPException

from pipeline.adapters.mail.composing import MailSender, compose
from pipeline.adapters.mail.handing_over import (
    ConnectionStale,
    NotHandedOver,
    failure_text,
    hand_over,
)
from pipeline.adapters.mail.mail_server import MailServer
from pipeline.adapters.mail.smtp_connections import Connection, Greeting, SmtpConnections
from pipeline.domain.delivery import Outcome
from pipeline.domain.letters import Letter, one_line
from pipeline.domain.mail_address import InvalidMailAddress, check_mail_address
from pipeline.ports import Sent

NO_SERVER: Final = "no mail server is configured: set PIPELINE_MAIL__URL"
_CLOSED: Final = Sent(Outcome.UNREACHABLE, error="the sender is shutting down")

log = logging.getLogger(__name__)

OnEnd = Callable[[], None]


@dataclass(frozen=True, slots=True)
class LetterboxSettings:
    """What an operator decides about mails."""

    server: MailServer | None
    """None: no mail leaves, and each attempt says so."""
    sender: MailSender
    greeting_name: str
    """What this side calls itself to the server."""
    additional_authorities: Path | None = None
    """PEM file, beside the public authorities."""


class MailPosting:
    """A mail on its way."""

    def __init__(self, on_end: OnEnd) -> None:
        self._on_end = on_end
        self._sent = _CLOSED

    def end(self, sent: Sent) -> None:
        """It has ended like this."""
        self._sent = sent
        self._on_end()

    def result(self) -> Sent:
        """What became of it, after its end."""
        return self._sent


class SmtpLetterbox:
    """Sends letters; never raises for what a mail server is, says or does."""

    def __init__(self, settings: LetterboxSettings, now_ms: Callable[[], int]) -> None:
        self._sender = settings.sender
        self._now_ms = now_ms
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[Sent]] = set()
        self._connections = None
        if settings.server is not None:
            context = _context(settings.additional_authorities)
            greeting = Greeting(settings.server, settings.greeting_name, context)
            self._connections = SmtpConnections(greeting)

    @property
    def domain(self) -> str:
        """Of the sender's address."""
        return self._sender.domain

    def post(self, letter: Letter, on_end: OnEnd) -> MailPosting:
        """Send it; `on_end` is called once and may only take note."""
        posting = MailPosting(on_end)
        if self._connections is None:
            sent = Sent(Outcome.UNREACHABLE, error=NO_SERVER)
            self._loop.call_soon(posting.end, sent)
            return posting

        def ended(task: asyncio.Task[Sent]) -> None:
            self._tasks.discard(task)
            posting.end(_result(task))

        task = self._loop.create_task(self._send(letter, self._connections))
        self._tasks.add(task)
        task.add_done_callback(ended)
        return posting

    async def close(self) -> None:
        """Close every connection; mails on their way end as unreachable."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._connections is not None:
            self._connections.close()

    async def _send(self, letter: Letter, connections: SmtpConnections) -> Sent:
        step = _Step()
        try:
            check_mail_address(letter.to)
            mail = compose(letter, self._sender, at_ms=self._now_ms())
        except InvalidMailAddress:
            return Sent(Outcome.UNREACHABLE, error="the endpoint's e-mail address is none")
        except ValueError as exc:
            return Sent(
                Outcome.UNREACHABLE, error=f"no mail can be made of it: {one_line(str(exc))}"
            )
        try:
            async with asyncio.timeout(letter.timeout_ms / 1000), connections.turn():
                return await self._hand_over(letter.to, mail, connections, step=step)
        except TimeoutError:
            text = (
                f"not handed over within {letter.timeout_ms} ms: the time ran out while {step.name}"
            )
            return Sent(Outcome.TIMED_OUT, error=text)
        except NotHandedOver as exc:
            return Sent(Outcome.UNREACHABLE, error=str(exc))
        except (SMTPException, OSError, ValueError) as exc:
            return _broken(exc)

    async def _hand_over(
        self, recipient: str, mail: bytes, connections: SmtpConnections, *, step: _Step
    ) -> Sent:
        async def over(connection: Connection) -> Sent:
            async with connections.lend(connection):
                return await hand_over(
                    connection,
                    mail,
                    sender=self._sender.address,
                    recipient=recipient,
                    on_step=step.take,
                )

        idle = connections.take_idle()
        if idle is not None:
            try:
                return await over(idle)
            except ConnectionStale:
                log.debug("the mail server had closed an idle connection")
        return await over(await connections.open(step.take))


class _Step:
    """What is being done, for whoever wants to know what the time ran out over."""

    def __init__(self) -> None:
        self.name = "waiting for other mails"

    def take(self, name: str) -> None:
        self.name = name


def _broken(exc: SMTPException | OSError | ValueError) -> Sent:
    # The server's name is for the operator's log alone.
    log.warning("a mail was not handed over: %s: %s", type(exc).__name__, exc)
    if isinstance(exc, (SMTPException, OSError)):
        return Sent(Outcome.UNREACHABLE, error=failure_text(exc))
    return Sent(Outcome.UNREACHABLE, error="the mail server cannot be spoken with")


def _result(task: asyncio.Task[Sent]) -> Sent:
    if task.cancelled():
        return _CLOSED
    error = task.exception()
    if error is None:
        return task.result()
    # One mail that nobody thought of must not end the process, and everybody else's with it.
    log.error("a mail could not be sent", exc_info=error)
    return Sent(
        Outcome.UNREACHABLE, error="the mail could not be sent: the operator's log says why"
    )


def _context(additional_authorities: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=certifi.where())
    if additional_authorities is not None:
        context.load_verify_locations(cafile=additional_authorities)
    return context


@asynccontextmanager
async def open_letterbox(
    settings: LetterboxSettings, now_ms: Callable[[], int]
) -> AsyncGenerator[SmtpLetterbox]:
    """A letterbox on the running event loop. Raises OSError where the authorities are none."""
    letterbox = SmtpLetterbox(settings, now_ms)
    try:
        yield letterbox
    finally:
        await letterbox.close()
