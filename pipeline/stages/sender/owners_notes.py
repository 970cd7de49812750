"""What the owner of an endpoint says of deliveries that somebody asked something for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from pipeline.domain.interventions import done
from pipeline.flow import Emit

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.domain.delivery import Delivery
    from pipeline.domain.delivery_state import State
    from pipeline.domain.interventions import Intervention, Interventions
    from pipeline.engine.outlet import Outlet
    from pipeline.engine.ticket import Ticket
    from pipeline.flow import Partition
    from pipeline.stages.sender.lane import Item


class _Begun(NamedTuple):
    """The latest attempt of a delivery that this process has begun and not finished."""

    attempt: int
    partition: Partition


@dataclass(frozen=True, slots=True)
class NotePorts:
    """What notes are written with."""

    table: Interventions
    topic: str
    encode: Callable[[Intervention], bytes]
    outlet: Outlet


class OwnersNotes:
    """What the owner of endpoints is doing with deliveries, and says of those that were asked for.

    A note that it is through with one is written when everything else is acknowledged: from then on
    copies of it are passed over, so what was made of it must be there.
    """

    def __init__(self, ports: NotePorts) -> None:
        self._ports = ports
        self._begun: dict[str, _Begun] = {}

    @property
    def table(self) -> Interventions:
        return self._ports.table

    def began(self, item: Item) -> None:
        """An attempt of it is made now."""
        delivery = item.delivery
        self._begun[delivery.delivery_id] = _Begun(delivery.attempt, item.record.partition)

    def ended(self, delivery_id: str) -> None:
        """Nothing of its record is under way any more."""
        self._begun.pop(delivery_id, None)

    def stop(self, partitions: frozenset[Partition]) -> None:
        """What came from these is somebody else's."""
        for delivery_id, begun in list(self._begun.items()):
            if begun.partition in partitions:
                del self._begun[delivery_id]

    def is_repeat(self, delivery: Delivery) -> bool:
        """Whether another copy of it is being tried, or this attempt was made long ago."""
        begun = self._begun.get(delivery.delivery_id)
        if begun is not None and begun.attempt >= delivery.attempt:
            return True
        return self.table.is_superseded(delivery.delivery_id, delivery.attempt)

    def tell(self, delivery: Delivery, ticket: Ticket, state: State | None) -> None:
        """Before the ticket's record is finished, say so to whoever meets another copy."""
        if not self.table.is_asked(delivery.delivery_id):
            return
        ports = self._ports
        told = done(delivery.delivery_id, delivery.endpoint, attempt=delivery.attempt, state=state)
        emit = Emit(ports.topic, ports.encode(told), told.key)
        ticket.settle_later(lambda open_ticket: ports.outlet.send(emit, open_ticket))
