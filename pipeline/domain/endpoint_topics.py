"""Which delivery topic a new endpoint gets: one of its own, or the shared one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum
from typing import Final, Self

from pipeline.domain.endpoint import Endpoint, EndpointStatus, Order
from pipeline.domain.rfc3339 import time_text_of
from pipeline.domain.topology import Topology


class NoOwnTopic(ValueError):
    """An endpoint cannot have the topic of its own that it needs; the message says why."""


class CannotMove(ValueError):
    """An endpoint cannot get the other kind of topic; the message says why."""


class Placement(StrEnum):
    """Where an endpoint's deliveries lie."""

    DEDICATED = "dedicated"
    SHARED = "shared"


QUIET_MS: Final = 3_600_000
"""So long after a move the topic before is taken to hold something yet."""


class TopicChooser:
    """Counts the topics that endpoints have to themselves, and gives more of them while it may.

    Each one costs: records of many topics are produced in small batches, and a client looks topics
    up one by one. An endpoint that asks for strict order needs one, so for those the limit is twice
    as high.
    """

    def __init__(self, topology: Topology, limit: int, *, present: Iterable[Endpoint]) -> None:
        self._topology = topology
        self._limit = limit
        self._count = sum(
            self.is_own(endpoint) and endpoint.status is not EndpointStatus.REMOVED
            for endpoint in present
        )

    @classmethod
    def counted(cls, topology: Topology, limit: int, *, count: int) -> Self:
        """One that knows how many endpoints have a topic of their own, and not which."""
        chooser = cls(topology, limit, present=())
        chooser._count = count
        return chooser

    def is_own(self, endpoint: Endpoint) -> bool:
        """Whether the endpoint has its topic to itself."""
        return self._topology.endpoint_of(endpoint.topic) is not None

    def choose(self, endpoint_id: str, order: Order) -> str:
        """The topic of a new endpoint.

        Raises:
            NoOwnTopic: it asks for strict order, and twice the limit have a topic of their own.
        """
        if order is Order.STRICT:
            self._refuse_beyond(2 * self._limit)
        elif self._count >= self._limit:
            return self._topology.shared_delivery
        self._count += 1
        return self._topology.delivery(endpoint_id)

    def check_kept(self, endpoint: Endpoint, order: Order, *, now_ms: int) -> None:
        """Do nothing where an endpoint can have this order in the topic that it has.

        Raises:
            NoOwnTopic: it asks for strict order, and shares its topic with others, or did lately.
        """
        if order is not Order.STRICT or endpoint.order is Order.STRICT:
            return
        if not self.is_own(endpoint):
            raise NoOwnTopic(
                "strict needs a topic of its own, and this endpoint shares one: move it first"
                f" (pipeline endpoints move {endpoint.id} --to dedicated)"
            )
        quiet_ms = endpoint.moved_at_ms + QUIET_MS
        if endpoint.moved_from is not None and now_ms < quiet_ms:
            raise NoOwnTopic(
                "strict must wait until the topic that this endpoint was moved from is quiet:"
                f" try again after {time_text_of(quiet_ms * 1_000)}"
            )

    def move(self, endpoint: Endpoint, to: Placement, *, now_ms: int) -> Endpoint:
        """The endpoint with another delivery topic from here on; itself if it is there already.

        The one before is read on: what routers and tiers still write there arrives.

        Raises:
            CannotMove: it is removed, needs its topic, or too many have one of their own.
        """
        if endpoint.status is EndpointStatus.REMOVED:
            raise CannotMove("it is removed")
        if self.is_own(endpoint) is (to is Placement.DEDICATED):
            return endpoint
        if to is Placement.SHARED and endpoint.order is Order.STRICT:
            raise CannotMove("strict order needs a topic of its own: give it order: none first")
        if to is Placement.DEDICATED and self._count >= self._limit:
            raise CannotMove(
                f"{self._count} endpoints have a topic of their own, and at most {self._limit} may:"
                " move another one to the shared topic, or raise delivery.dedicated_limit"
            )
        own, shared = self._topology.delivery(endpoint.id), self._topology.shared_delivery
        return replace(
            endpoint,
            topic=own if to is Placement.DEDICATED else shared,
            moved_from=endpoint.topic,
            moved_at_ms=now_ms,
            updated_at_ms=now_ms,
        )

    def _refuse_beyond(self, most: int) -> None:
        if self._count >= most:
            raise NoOwnTopic(
                f"strict needs a topic of its own, and {self._count} endpoints have one:"
                f" at most {most} may, twice delivery.dedicated_limit; remove some of them,"
                " raise the limit, or write order: none"
            )
