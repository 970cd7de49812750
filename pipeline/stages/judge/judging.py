"""Judges endpoints by what became of their deliveries, in one process at a time.

Each decision is one transaction with all that follows from it: the endpoint's new status, its
table record, the mail to its owner, and what the operator is told.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from pipeline.domain.endpoint import Endpoint
from pipeline.domain.endpoint_status import deactivated
from pipeline.domain.identifiers import new_id
from pipeline.domain.inactivity import (
    Deactivate,
    Forget,
    InactivityRules,
    Keep,
    Recover,
    Told,
    Verdict,
    Warn,
    forgotten,
    judge,
)
from pipeline.domain.operational_events import OperationalType, about_endpoint
from pipeline.domain.owner_letters import OwnerLetter, deactivation_letter, warning_letter
from pipeline.domain.rfc3339 import time_text_of
from pipeline.ports import StoreFailed
from pipeline.registry import OutboxRecord, Registry, RegistryReader
from pipeline.watching import Operations, OwnerNotice, Watched, WatchStore, WatchWriter

log = logging.getLogger(__name__)

DEAD_TOLD_EVERY_MS: Final = 60_000
"""At most so often the operator is told of an endpoint's dead letters, with their number."""
_PAGE: Final = 500
_ENTROPY_BYTES: Final = 10
_US_PER_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class JudgePorts:
    """What endpoints are judged with."""

    watch: WatchStore
    registry: Registry
    rules_of: Callable[[RegistryReader, str], InactivityRules | None]
    """By the profile's name; None where it is not known."""
    record_of: Callable[[Endpoint], OutboxRecord]
    operations: Operations | None
    """None: the operator wants no events."""
    publish: Callable[[], Awaitable[None]]
    """What was decided goes to Kafka; what cannot go now goes later."""
    owns: Callable[[], bool]
    """Whether it is this process that judges."""
    now_ms: Callable[[], int]
    random_bytes: Callable[[int], bytes]


class Judging:
    """Looks at every endpoint that fails, again and again."""

    def __init__(self, ports: JudgePorts, *, every_seconds: float) -> None:
        self._ports = ports
        self._every_seconds = every_seconds
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Look at once. On the event loop."""
        self._wake.set()

    async def work(self) -> None:
        """For ever."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._every_seconds):
                    await self._wake.wait()
            self._wake.clear()
            if self._ports.owns():
                await self._round()

    async def _round(self) -> None:
        try:
            is_told = await asyncio.to_thread(self._judge_all)
        except StoreFailed as error:
            log.warning("endpoints are not judged: the store is not to be had: %s", error)
            return
        if is_told:
            await self._ports.publish()

    def _judge_all(self) -> bool:
        """Whether there is something to publish."""
        is_told = False
        after = ""
        while page := self._ports.watch.watched(after=after, limit=_PAGE):
            with self._ports.registry.reading() as reader:
                due = [each.endpoint for each in page if self._is_due(reader, each)]
            for endpoint_id in due:
                is_told |= self._decide(endpoint_id)
            after = page[-1].endpoint
        return is_told

    def _is_due(self, reader: RegistryReader, watched: Watched) -> bool:
        endpoint = reader.endpoint(watched.endpoint)
        if endpoint is None:
            return False
        verdict = self._verdict(reader, endpoint, watched)
        return not isinstance(verdict, Keep) or self._tells_dead(watched.told)

    def _verdict(self, reader: RegistryReader, endpoint: Endpoint, watched: Watched) -> Verdict:
        rules = self._ports.rules_of(reader, endpoint.profile)
        if rules is None:
            return Keep()
        now_ms = self._ports.now_ms()
        return judge(endpoint, watched.tries, watched.told, rules=rules, now_ms=now_ms)

    def _tells_dead(self, told: Told) -> bool:
        due_at_ms = told.dead_told_at_ms + DEAD_TOLD_EVERY_MS
        return told.dead_untold > 0 and due_at_ms <= self._ports.now_ms()

    def _decide(self, endpoint_id: str) -> bool:
        """Again, now that nobody else changes any of it."""
        with self._ports.watch.deciding() as writer:
            found = writer.registry.endpoint(endpoint_id)
            if found is None:
                return False
            writer.registry.lock_account(found.account)
            endpoint = writer.registry.endpoint(endpoint_id) or found
            watched = self._tell_dead(writer, endpoint, writer.lock(endpoint_id))
            verdict = self._verdict(writer.registry, endpoint, watched)
            writer.put(self._follow(writer, endpoint, watched, verdict))
            return writer.registry.sequence > 0

    def _tell_dead(self, writer: WatchWriter, endpoint: Endpoint, watched: Watched) -> Watched:
        told = watched.told
        if not self._tells_dead(told):
            return watched
        self._tell(writer, endpoint, OperationalType.DEAD, count=told.dead_untold)
        now_ms = self._ports.now_ms()
        return watched._replace(told=told._replace(dead_untold=0, dead_told_at_ms=now_ms))

    def _follow(
        self, writer: WatchWriter, endpoint: Endpoint, watched: Watched, verdict: Verdict
    ) -> Watched:
        """What is known afterwards."""
        tries, told = watched.tries, watched.told
        match verdict:
            case Keep():
                return watched
            case Forget(until_ms):
                tries, percent = forgotten(tries, until_ms), 0
            case Recover():
                self._tell(writer, endpoint, OperationalType.RECOVERED)
                percent = 0
            case Warn(percent, since_ms):
                self._warn(writer, endpoint, percent=percent, since_ms=since_ms)
            case Deactivate():
                now_ms = self._ports.now_ms()
                self._deactivate(writer, endpoint, verdict, now_ms)
                tries, percent = forgotten(tries, now_ms), 0
        return watched._replace(tries=tries, told=told._replace(warned_percent=percent))

    def _warn(
        self, writer: WatchWriter, endpoint: Endpoint, *, percent: int, since_ms: int
    ) -> None:
        rules = self._ports.rules_of(writer.registry, endpoint.profile)
        inactive_at_ms = since_ms + (0 if rules is None else rules.after_ms)
        self._tell(
            writer, endpoint, OperationalType.FAILING, since=_text_of(since_ms), percent=percent
        )
        letter = warning_letter(endpoint, since_ms=since_ms, inactive_at_ms=inactive_at_ms)
        self._write_to_owner(writer, endpoint, letter)

    def _deactivate(
        self, writer: WatchWriter, endpoint: Endpoint, verdict: Deactivate, now_ms: int
    ) -> None:
        after = deactivated(endpoint, verdict.reason, now_ms=now_ms)
        writer.registry.put_endpoint(after)
        writer.registry.publish(self._ports.record_of(after))
        since = _text_of(verdict.since_ms)
        kind = OperationalType.DEACTIVATED
        self._tell(writer, after, kind, reason=verdict.reason, since=since)
        letter = deactivation_letter(after, reason=verdict.reason, at_ms=now_ms)
        self._write_to_owner(writer, after, letter)
        log.info("endpoint %s is inactive: %s", endpoint.id, verdict.reason)

    def _tell(
        self,
        writer: WatchWriter,
        endpoint: Endpoint,
        kind: OperationalType,
        **facts: str | int | None,
    ) -> None:
        if self._ports.operations is not None:
            occurrence = about_endpoint(kind, endpoint, **facts)
            self._ports.operations.tell(writer.registry, endpoint.account, occurrence)

    def _write_to_owner(self, writer: WatchWriter, endpoint: Endpoint, letter: OwnerLetter) -> None:
        account = writer.registry.account(endpoint.account)
        if account is None or account.owner_email is None:
            return
        now_ms = self._ports.now_ms()
        notice_id = new_id("ntc", now_ms=now_ms, entropy=self._ports.random_bytes(_ENTROPY_BYTES))
        writer.add_notice(
            OwnerNotice(notice_id, account.owner_email, *letter, now_ms, due_at_ms=now_ms)
        )


def _text_of(time_ms: int) -> str:
    return time_text_of(time_ms * _US_PER_MS)
