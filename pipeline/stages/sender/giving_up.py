"""What the sender does not try (any more): put aside in a tier, or buried as a dead letter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.domain.delivery import Reason
from pipeline.domain.delivery_state import State
from pipeline.domain.dropping import is_dropped
from pipeline.domain.tiers import MOST_HELD, hold, next_hop, park
from pipeline.domain.verdict import Dead
from pipeline.flow import Emit
from pipeline.telemetry.instruments import PARKED, RETRIES
from pipeline.telemetry.trace_context import trace_headers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pipeline.domain.dead_letters import LastFailure
    from pipeline.domain.delivery import Delivery
    from pipeline.domain.tiers import Tier
    from pipeline.engine.consume_loop import ConsumeLoop
    from pipeline.engine.outlet import Outlet
    from pipeline.engine.ticket import Ticket
    from pipeline.flow import Record
    from pipeline.ports import Records
    from pipeline.stages.dead_lettering import DeadLettering
    from pipeline.stages.sender.lane import Item, Lane
    from pipeline.stages.sender.lanes import Lanes
    from pipeline.stages.sender.owners_notes import OwnersNotes
    from pipeline.telemetry.tally import Tally
    from pipeline.telemetry.trace_context import TraceHeaders


@dataclass(frozen=True, slots=True)
class GivingUpPorts:
    """What it works with."""

    outlet: Outlet
    records: Records
    dead: DeadLettering
    tally: Tally
    now_ms: Callable[[], int]
    tiers: Sequence[Tier]
    tier_topics: Mapping[str, str]
    """By tier name."""
    notes: OwnersNotes


class GivingUp:
    """Retries, parking and dead letters, as records."""

    def __init__(self, loop: ConsumeLoop, ports: GivingUpPorts) -> None:
        self._loop = loop
        self._ports = ports

    def bury_undecodable(self, record: Record, error: str) -> None:
        """No delivery can be made of it."""
        self._bury(record, self._ports.dead.of_record(record, Reason.UNDECODABLE, error=error))

    def bury_culprit(self, record: Record) -> None:
        """No process survives it."""
        self._bury(record, self._ports.dead.of_culprit(record))

    def bury(self, item: Item, reason: Reason) -> None:
        """A delivery that is not tried."""
        letter = self._ports.dead.of_delivery(item.delivery, reason, record=item.record)
        ticket = self._loop.open_ticket(item.record)
        self._ports.outlet.send(letter, ticket)
        self._ports.notes.tell(item.delivery, ticket, state_of(reason))
        self._ports.notes.ended(item.delivery.delivery_id)
        ticket.release()

    def _bury(self, record: Record, letter: Emit) -> None:
        ticket = self._loop.open_ticket(record)
        self._ports.outlet.send(letter, ticket)
        ticket.release()

    def bury_tried(
        self, item: Item, reason: Reason, *, ticket: Ticket, failure: LastFailure
    ) -> None:
        """A delivery after its last attempt; the ticket is its caller's."""
        letter = self._ports.dead.of_delivery(
            item.delivery, reason, record=item.record, failure=failure
        )
        self._ports.outlet.send(letter, ticket)

    def has_left(self, lanes: Lanes, lane: Lane) -> bool:
        """Whether anything waits there, once all is dropped that its owner wants dropped."""
        if lane.recipient.endpoint.drop_before_ms:
            while lane.queue and _is_dropped(lane, lane.queue[0]):
                self.bury(lanes.pop(lane), Reason.DROPPED)
        return bool(lane.queue)

    def park(self, lane: Lane, item: Item) -> None:
        """Put aside without spending an attempt; given up after a day of it."""
        if _is_dropped(lane, item):
            self.bury(item, Reason.DROPPED)
            return
        now_ms = self._ports.now_ms()
        delivery = item.delivery
        verdict = park(
            delivery.parked, now_ms=now_ms, next_probe_at_ms=lane.circuit.next_probe_at_ms
        )
        if isinstance(verdict, Dead):
            self.bury(item, verdict.reason)
            return
        self._put_aside(item, parked=delivery.parked + 1, due_at_ms=verdict.due_at_ms)

    def hold(self, lane: Lane, item: Item) -> None:
        """Put aside for as long as its account is switched off."""
        if _is_dropped(lane, item):
            self.bury(item, Reason.DROPPED)
            return
        parked = item.delivery.parked
        verdict = hold(parked, now_ms=self._ports.now_ms())
        self._put_aside(item, parked=min(parked + 1, MOST_HELD), due_at_ms=verdict.due_at_ms)

    def _put_aside(self, item: Item, *, parked: int, due_at_ms: int) -> None:
        ticket = self._loop.open_ticket(item.record)
        self._ports.tally.add(PARKED)
        self.defer(
            item.delivery._replace(parked=parked, due_at_ms=due_at_ms),
            ticket=ticket,
            trace=trace_headers(item.record.headers),
        )
        ticket.release()

    def defer(self, delivery: Delivery, *, ticket: Ticket, trace: TraceHeaders | None) -> bool:
        """Write it to the tier it waits in; False if it is due too soon for any."""
        tier = next_hop(delivery.due_at_ms or 0, self._ports.now_ms(), tiers=self._ports.tiers)
        if tier is None:
            return False
        self._ports.tally.add(RETRIES, tier.name)
        emit = Emit(
            self._ports.tier_topics[tier.name],
            self._ports.records.encode_delivery(delivery),
            delivery.endpoint.encode(),
            trace,
        )
        self._ports.outlet.send(emit, ticket)
        return True


def state_of(reason: Reason) -> State:
    """What a delivery is that ends as a dead letter for this reason."""
    return State.DROPPED if reason is Reason.DROPPED else State.DEAD


def _is_dropped(lane: Lane, item: Item) -> bool:
    return is_dropped(
        item.delivery, lane.recipient.endpoint, appended_at_ms=item.record.timestamp_ms
    )
