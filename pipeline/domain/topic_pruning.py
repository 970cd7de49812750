"""Which delivery topics of removed endpoints may be deleted, and why the others may not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from pipeline.domain.endpoint import Endpoint, EndpointStatus
from pipeline.domain.rfc3339 import time_text_of
from pipeline.domain.topology import Topology

_US_PER_MS: Final = 1_000


class LogSpan(NamedTuple):
    """What is known of one partition of a delivery topic. Unknown is None, and forbids."""

    first: int
    end: int
    committed: int | None
    """How far the senders have finished it."""
    first_young: int | None
    """The first record younger than what is kept; the end where all are older."""

    @property
    def unfinished(self) -> int:
        """How many records, at most, nobody has finished."""
        if self.committed is None:
            return self.end - self.first
        return self.end - min(max(self.committed, self.first), self.end)

    @property
    def young(self) -> int:
        """How many records, at most, are kept for their age."""
        return self.end - (self.first if self.first_young is None else self.first_young)


class TopicVerdict(NamedTuple):
    """What is to become of one delivery topic."""

    topic: str
    endpoint: str
    removed_at_ms: int | None
    """None: its endpoint is not removed, or nothing is known of it."""
    kept_because: str | None
    """None: it may be deleted."""


class TopicJudge:
    """Knows the endpoints as the tables say, and judges the topics that are one's own.

    A topic may go when its endpoint was removed longer ago than finished deliveries are kept, when
    nothing in it is unfinished or younger than that, and when no other endpoint's deliveries are,
    or were, written to it.
    """

    def __init__(
        self, endpoints: Iterable[Endpoint], topology: Topology, *, kept_ms: int, now_ms: int
    ) -> None:
        self._endpoints = {endpoint.id: endpoint for endpoint in endpoints}
        self._topology = topology
        self._kept_ms = kept_ms
        self._now_ms = now_ms
        self._users: dict[str, set[str]] = {}
        for endpoint in self._endpoints.values():
            for topic in (endpoint.topic, endpoint.moved_from):
                if topic is not None:
                    self._users.setdefault(topic, set()).add(endpoint.id)

    def judge(self, topic: str, spans: Sequence[LogSpan]) -> TopicVerdict | None:
        """None: the topic is no endpoint's own, so nothing is to be decided about it."""
        owner = self._topology.endpoint_of(topic)
        if owner is None:
            return None
        endpoint = self._endpoints.get(owner)
        is_removed = endpoint is not None and endpoint.status is EndpointStatus.REMOVED
        removed_at_ms = endpoint.status_since_ms if endpoint is not None and is_removed else None
        reason = self._use_of(topic, owner) or _what_is_in(spans)
        return TopicVerdict(topic, owner, removed_at_ms, reason)

    def _use_of(self, topic: str, owner: str) -> str | None:
        """Why somebody may need it, whatever is in it."""
        endpoint = self._endpoints.get(owner)
        if endpoint is None:
            return "the tables know no such endpoint"
        if endpoint.status is not EndpointStatus.REMOVED:
            return f"its endpoint is {endpoint.status}"
        if others := sorted(self._users.get(topic, set()) - {owner}):
            return f"deliveries of {others[0]} are written to it, or were"
        if endpoint.status_since_ms <= 0:
            return "when its endpoint was removed is not known"
        goes_at_ms = endpoint.status_since_ms + self._kept_ms
        if self._now_ms <= goes_at_ms:
            return f"its endpoint was removed lately: kept until {_text_of(goes_at_ms)}"
        return None


def _what_is_in(spans: Sequence[LogSpan]) -> str | None:
    """Why what is in it may be needed."""
    unfinished = sum(span.unfinished for span in spans)
    if unfinished:
        return f"{_counted(unfinished)} not finished: see that a sender runs"
    young = sum(span.young for span in spans)
    return f"{_counted(young)} too young yet" if young else None


def _counted(records: int) -> str:
    return "1 record in it is" if records == 1 else f"{records} records in it are"


def _text_of(time_ms: int) -> str:
    return time_text_of(time_ms * _US_PER_MS)
