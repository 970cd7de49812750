"""Connections to the mail server: a few, kept open for the next mail."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import ExitStack, asynccontextmanager
from typing import Final, NamedTuple

from aiosmtplib import SMTP

from pipeline.adapters.mail.mail_server import MailServer, StartTls

MOST_CONNECTIONS: Final = 8
MOST_MAILS: Final = 100
"""Over one connection: servers close it after some number themselves."""
IDLE_SECONDS: Final = 30.0
"""Less than servers wait for the next mail (5 min by RFC 5321, section 4.5.3.2.7; many less)."""
_START_TLS: Final = {StartTls.ALWAYS: True, StartTls.OFFERED: None, StartTls.NEVER: False}

log = logging.getLogger(__name__)


class Connection:
    """One connection, ready for a mail."""

    __slots__ = ("idle_since", "mails", "smtp")

    def __init__(self, smtp: SMTP) -> None:
        self.smtp = smtp
        self.mails = 0
        self.idle_since = 0.0

    @property
    def is_used(self) -> bool:
        """Whether a mail went over it before: the server may have closed it meanwhile."""
        return self.mails > 0


class Greeting(NamedTuple):
    """How connections are made."""

    server: MailServer
    name: str
    """What this side calls itself (EHLO)."""
    context: ssl.SSLContext


class SmtpConnections:
    """Lends connections, at most `MOST_CONNECTIONS` at once; who comes first is served first."""

    def __init__(self, greeting: Greeting) -> None:
        self._greeting = greeting
        self._loop = asyncio.get_running_loop()
        self._turns = asyncio.Semaphore(MOST_CONNECTIONS)
        self._idle: deque[Connection] = deque()
        self._timer: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Whoever has a turn may have one connection."""
        async with self._turns:
            yield

    def take_idle(self) -> Connection | None:
        """One that is open, as far as is known; the one that was used last."""
        while self._idle:
            connection = self._idle.pop()
            if connection.smtp.is_connected:
                return connection
        return None

    async def open(self, on_step: Callable[[str], None]) -> Connection:
        """A new one. Raises what aiosmtplib raises, OSError among it."""
        server = self._greeting.server
        on_step("connecting to the mail server")
        smtp = SMTP(
            hostname=server.host,
            port=server.port,
            local_hostname=self._greeting.name,
            timeout=None,  # the mail's own deadline is over all of it
            use_tls=server.is_tls,
            start_tls=_START_TLS[server.start_tls],
            tls_context=self._greeting.context,
            username=server.username,
            password=server.password if server.username is not None else None,
        )
        await smtp.connect()
        return Connection(smtp)

    @asynccontextmanager
    async def lend(self, connection: Connection) -> AsyncGenerator[Connection]:
        """Kept for another mail if all goes well, closed if not."""
        with ExitStack() as unless_kept:
            unless_kept.callback(connection.smtp.close)
            yield connection
            unless_kept.pop_all()
        self._keep(connection)

    def close(self) -> None:
        """Close those that are idle; whoever has one closes it."""
        if self._timer is not None:
            self._timer.cancel()
        for connection in self._idle:
            connection.smtp.close()
        self._idle.clear()

    def _keep(self, connection: Connection) -> None:
        connection.mails += 1
        if connection.mails >= MOST_MAILS or not connection.smtp.is_connected:
            connection.smtp.close()
            return
        connection.idle_since = self._loop.time()
        self._idle.append(connection)
        if self._timer is None:
            self._timer = self._loop.call_later(IDLE_SECONDS, self._close_old)

    def _close_old(self) -> None:
        self._timer = None
        until = self._loop.time() - IDLE_SECONDS
        while self._idle and self._idle[0].idle_since <= until:
            self._idle.popleft().smtp.close()
        if self._idle:
            delay = self._idle[0].idle_since - until
            self._timer = self._loop.call_later(max(delay, 0.1), self._close_old)
