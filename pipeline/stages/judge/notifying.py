"""Mails to owners: each is tried until the mail server has it, for a day."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol

from pipeline.domain.delivery import Outcome
from pipeline.domain.letters import Letter
from pipeline.ports import Sent, StoreFailed
from pipeline.watching import OwnerNotice, WatchStore

log = logging.getLogger(__name__)

TRIED_FOR_MS: Final = 86_400_000
"""After so long nobody needs the mail any more."""
_FIRST_PAUSE_MS: Final = 60_000
_LONGEST_PAUSE_MS: Final = 3_600_000
_MOST_DOUBLINGS: Final = 10
_TIMEOUT_MS: Final = 60_000
_LOOK_SECONDS: Final = 1.0
_PAGE: Final = 50
_PERMANENT: Final = range(500, 600)


class Mail(Protocol):
    """A mail on its way."""

    def result(self) -> Sent:
        """After its end."""
        ...


class Mailer(Protocol):
    """Takes mails to the mail server."""

    @property
    def domain(self) -> str:
        """Of the sender's address."""
        ...

    def post(self, letter: Letter, on_end: Callable[[], None], /) -> Mail:
        """`on_end` is called once, on the event loop."""
        ...


@dataclass(frozen=True, slots=True)
class NotifyingPorts:
    """What mails are sent with."""

    watch: WatchStore
    mailer: Mailer | None
    """None: there is no mail server, and owners are not told."""
    owns: Callable[[], bool]
    """Whether it is this process that sends them."""
    now_ms: Callable[[], int]


class Notifying:
    """Sends what the judge has left to be sent."""

    def __init__(self, ports: NotifyingPorts) -> None:
        self._ports = ports
        self._has_complained = False

    async def work(self) -> None:
        """For ever."""
        while True:
            if self._ports.owns():
                try:
                    await self._send_due()
                except StoreFailed as error:
                    log.warning("owners are not told: the store is not to be had: %s", error)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _send_due(self) -> None:
        ports = self._ports
        due = await asyncio.to_thread(ports.watch.notices, now_ms=ports.now_ms(), limit=_PAGE)
        for notice in due:
            if ports.mailer is None:
                self._complain()
                await asyncio.to_thread(ports.watch.remove_notice, notice.id)
            else:
                await self._settle(notice, await _sent(notice, ports.mailer))

    async def _settle(self, notice: OwnerNotice, sent: Sent) -> None:
        watch, now_ms = self._ports.watch, self._ports.now_ms()
        is_sent = sent.outcome is Outcome.ACCEPTED
        is_final = sent.status in _PERMANENT or now_ms - notice.created_at_ms > TRIED_FOR_MS
        if not is_sent:
            why = sent.error or f"the mail server answered {sent.status}"
            what = "given up" if is_final else "tried again"
            log.warning("mail %s to an owner was not sent, and is %s: %s", notice.id, what, why)
        if is_sent or is_final:
            await asyncio.to_thread(watch.remove_notice, notice.id)
            return
        pause_ms = _FIRST_PAUSE_MS << min(notice.tries, _MOST_DOUBLINGS)
        due_at_ms = now_ms + min(pause_ms, _LONGEST_PAUSE_MS)
        await asyncio.to_thread(watch.put_off, replace(notice, due_at_ms=due_at_ms))

    def _complain(self) -> None:
        if not self._has_complained:
            log.warning(
                "owners are not told of failing endpoints by mail: no mail server is configured;"
                " set PIPELINE_MAIL__URL"
            )
        self._has_complained = True


async def _sent(notice: OwnerNotice, mailer: Mailer) -> Sent:
    ended = asyncio.Event()
    headers = (
        ("Subject", notice.subject),
        ("Message-ID", f"<{notice.id}@{mailer.domain}>"),
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "All"),
    )
    mail = mailer.post(Letter(notice.to, headers, notice.text, "", "", b"", _TIMEOUT_MS), ended.set)
    await ended.wait()
    return mail.result()
