"""What goes wrong when events are published, each with what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from pipeline.client.event import Event
from pipeline.domain.unpublished import Fate, Unpublished

_MOST_SHOWN: Final = 3


class ClientError(Exception):
    """Whatever the client raises, but for `InvalidEvent`, which is a ValueError alone."""


class Failure(NamedTuple):
    """An event that was not acknowledged."""

    event: Event
    reason: str
    fate: Fate
    """`refused`: not taken as it is; `uncertain`: it may be there; `unsent`: it is not there."""


class NotPublished(ClientError):
    """Some events were not acknowledged; all others of the call were.

    What is not `refused` can be published again: it has the same id, so whatever arrived twice is
    recognised.
    """

    def __init__(self, failures: Sequence[Failure], *, others: int = 0) -> None:
        self.failures = tuple(failures)
        shown = "; ".join(f"{one.event.id}: {one.reason}" for one in self.failures[:_MOST_SHOWN])
        more = len(self.failures) - _MOST_SHOWN
        super().__init__(
            f"{len(self.failures)} of {len(self.failures) + others} events not acknowledged: "
            f"{shown}{f'; and {more} more' if more > 0 else ''}"
        )

    @property
    def refused(self) -> list[Event]:
        """What will never be taken as it is."""
        return [one.event for one in self.failures if one.fate is Fate.REFUSED]

    @property
    def unacknowledged(self) -> list[Event]:
        """What is to be published again."""
        return [one.event for one in self.failures if one.fate is not Fate.REFUSED]


class BufferFull(ClientError):
    """Too much was unacknowledged for too long: the event was not taken."""


class PublisherClosed(ClientError):
    """The publisher was closed: the event was not taken."""


class UnusableOptions(ClientError, ValueError):
    """An address, a key or an option that cannot be used; the text says which and why."""


def failure_of(event: Event, unpublished: Unpublished) -> Failure:
    return Failure(event, unpublished.reason, unpublished.fate)
