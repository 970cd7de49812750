"""Publishers to the pipeline's HTTP API, for services that cannot reach Kafka."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from pipeline.adapters.remote_api import ApiUnreachable, RemoteApi, UnusableAddress
from pipeline.client.async_publisher import AsyncPublisher
from pipeline.client.event import Event
from pipeline.client.failures import UnusableOptions
from pipeline.client.ingestion import (
    MOST_BYTES,
    MOST_EVENTS,
    Later,
    Meaning,
    Published,
    Refused,
    TooLarge,
    meaning_of,
    request_for,
)
from pipeline.client.outgoing import size_of
from pipeline.client.outlet import Limits, Settled
from pipeline.client.publisher import Publisher
from pipeline.clock import now_ms
from pipeline.domain.unpublished import Fate, Unpublished

_FIRST_WAIT_SECONDS: Final = 0.1
_LONGEST_WAIT_SECONDS: Final = 5.0
_CLOSED: Final = Unpublished("the publisher was closed", Fate.UNSENT)
_CUT_OFF: Final = Unpublished("the publisher was closed meanwhile", Fate.UNCERTAIN)


def api_publisher(address: str, key: str, *, limits: Limits | None = None) -> Publisher:
    """A publisher to the API at `http://host:port`, with an operator's key; nobody is asked yet.

    Raises:
        UnusableOptions: the address or the key cannot be used.
    """
    limits = limits or Limits()
    return Publisher(ApiOutlet(_api(address, key), limits), limits)


def async_api_publisher(address: str, key: str, *, limits: Limits | None = None) -> AsyncPublisher:
    """As `api_publisher`, for coroutines."""
    limits = limits or Limits()
    return AsyncPublisher(ApiOutlet(_api(address, key), limits), limits)


def _api(address: str, key: str) -> RemoteApi:
    try:
        return RemoteApi(address, key)
    except UnusableAddress as exc:
        raise UnusableOptions(str(exc)) from exc


class _Waiting(NamedTuple):
    event: Event
    settled: Settled
    deadline: float
    """By the monotonic clock, in seconds."""


class ApiOutlet:
    """Implements `Outlet`: one request at a time, with all that has gathered meanwhile.

    So events arrive in the order in which they were sent, and the busier it is, the larger are the
    batches.
    """

    def __init__(self, api: RemoteApi, limits: Limits) -> None:
        self._api = api
        self._give_up_seconds = limits.give_up_seconds
        self._waiting: deque[_Waiting] = deque()
        self._changed = threading.Condition()
        self._under_way: Sequence[_Waiting] = ()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="event requests", daemon=True)
        self._thread.start()

    def send(self, event: Event, settled: Settled) -> None:
        deadline = time.monotonic() + self._give_up_seconds
        with self._changed:
            is_taken = not self._closing.is_set()
            if is_taken:
                self._waiting.append(_Waiting(event, settled, deadline))
                self._changed.notify_all()
        if not is_taken:
            settled(_CLOSED)

    def close(self) -> None:
        """What is under way may arrive yet; nothing else does."""
        with self._changed:
            self._closing.set()
            self._changed.notify_all()
        _settle(self._under_way, _CUT_OFF)
        while self._waiting:
            self._waiting.popleft().settled(_CLOSED)

    def _serve(self) -> None:
        try:
            while batch := self._next_batch():
                self._under_way = batch
                self._publish(batch)
        finally:
            self._api.close()
            self.close()

    def _next_batch(self) -> list[_Waiting]:
        """What has gathered; nothing at the end."""
        batch: list[_Waiting] = []
        size_bytes = 0
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing.is_set())
            while self._waiting and len(batch) < MOST_EVENTS and not self._closing.is_set():
                size_bytes += size_of(self._waiting[0].event)
                if batch and size_bytes > MOST_BYTES:
                    break
                batch.append(self._waiting.popleft())
        return batch

    def _publish(self, batch: Sequence[_Waiting]) -> None:
        turns = deque([list(batch)])
        while turns:
            part = turns.popleft()
            meaning = self._until_answered(part)
            if isinstance(meaning, Published):
                _settle(part, None)
            elif isinstance(meaning, TooLarge):
                half = len(part) // 2
                turns.extendleft((part[half:], part[:half]))
            elif isinstance(meaning, Refused):
                for number, reason in meaning.reasons.items():
                    part[number].settled(Unpublished(reason, Fate.REFUSED))
                rest = [one for number, one in enumerate(part) if number not in meaning.reasons]
                if rest:
                    turns.appendleft(rest)

    def _until_answered(self, part: list[_Waiting]) -> Meaning:
        """Asks again and again; what has had its time is settled and leaves the part."""
        fate = Fate.UNSENT
        longest_wait_seconds = _FIRST_WAIT_SECONDS
        while True:
            meaning, was_sent = self._asked(part)
            if not isinstance(meaning, Later):
                return meaning
            fate = Fate.UNCERTAIN if was_sent else fate
            wait_seconds = longest_wait_seconds * random.uniform(0.5, 1)  # noqa: S311 - spreads repetitions, no secret
            if meaning.wait_ms is not None:
                wait_seconds = max(wait_seconds, meaning.wait_ms / 1000)
            longest_wait_seconds = min(longest_wait_seconds * 2, _LONGEST_WAIT_SECONDS)
            self._give_up(part, Unpublished(meaning.reason, fate), wait_seconds)
            if not part or self._closing.wait(wait_seconds):
                _settle(part, Unpublished(meaning.reason, fate))
                return meaning

    def _asked(self, part: Sequence[_Waiting]) -> tuple[Meaning, bool]:
        """What one request gave, and whether the API may have seen it."""
        try:
            answer = self._api.ask(request_for([one.event for one in part]))
        except ApiUnreachable as exc:
            return Later(str(exc), None), exc.was_sent
        return meaning_of(answer, count=len(part), now_ms=now_ms()), True

    def _give_up(self, part: list[_Waiting], why: Unpublished, wait_seconds: float) -> None:
        """Those whose time is over before the next request could be made."""
        end = time.monotonic() + wait_seconds
        _settle([one for one in part if one.deadline <= end], why)
        part[:] = [one for one in part if one.deadline > end]


def _settle(part: Iterable[_Waiting], unpublished: Unpublished | None) -> None:
    for one in part:
        one.settled(unpublished)
