"""Which delivery topic a new endpoint gets: one of its own, or the shared one."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.domain.endpoint import Endpoint, EndpointStatus, Order
from pipeline.domain.topology import Topology


class NoOwnTopic(ValueError):
    """An endpoint cannot have the topic of its own that it needs; the message says why."""


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

    def check_kept(self, endpoint: Endpoint, order: Order) -> None:
        """Do nothing where an endpoint can have this order in the topic that it has.

        Raises:
            NoOwnTopic: it asks for strict order, and shares its topic with others.
        """
        if order is Order.STRICT and not self.is_own(endpoint):
            raise NoOwnTopic(
                "strict needs a topic of its own, and this endpoint shares one for good:"
                " write a new endpoint with another id and order: strict, and remove this one"
            )

    def _refuse_beyond(self, most: int) -> None:
        if self._count >= most:
            raise NoOwnTopic(
                f"strict needs a topic of its own, and {self._count} endpoints have one:"
                f" at most {most} may, twice delivery.dedicated_limit; remove some of them,"
                " raise the limit, or write order: none"
            )
