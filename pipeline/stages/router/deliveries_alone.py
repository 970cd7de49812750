"""Routing events that were routed before: what could not be read then is a dead letter already."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.flow import Record
    from pipeline.stages.router.routing_ports import Routed, RoutesRecords


class DeliveriesAlone:
    """Implements `RoutesRecords` without the dead letters."""

    def __init__(self, routing: RoutesRecords) -> None:
        self._routing = routing
        self.count = routing.count

    def routed(self, record: Record) -> Iterator[Routed]:
        """Deliveries, each made when it is asked for."""
        return (routed for routed in self._routing.routed(record) if routed[1] is not None)
