"""Where a publisher's events go: to Kafka or to the API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from pipeline.client.event import Event
from pipeline.domain.unpublished import Unpublished

Settled = Callable[[Unpublished | None], None]
"""None: the event is acknowledged. Only the first call for an event counts."""


class Outlet(Protocol):
    """Used by any thread."""

    def send(self, event: Event, settled: Settled) -> None:
        """Does not wait; `settled` is called on any thread.

        At the latest after `give_up_seconds` and the request that is under way then.
        """
        ...

    def close(self) -> None:
        """Gives up what is not acknowledged; when it returns, everything is settled."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much may be on its way, and for how long."""

    give_up_seconds: float = 30.0
    """So long each event is tried; then it is not acknowledged. Also the wait for room."""
    most_events: int = 10_000
    most_bytes: int = 64 * 1024 * 1024
