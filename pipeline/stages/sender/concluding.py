"""What follows an attempt: it is logged; its delivery is finished, deferred, held or buried."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.domain.dead_letters import LastFailure
from pipeline.domain.delivery import Reason
from pipeline.domain.delivery_state import State
from pipeline.domain.verdict import Dead, RetryAt
from pipeline.stages.sender.attempting import attempt_entry
from pipeline.stages.sender.giving_up import state_of
from pipeline.stages.sender.hold_note import HoldNote, write_note
from pipeline.stages.sender.lane import Item, Lane
from pipeline.stages.sender.tracing import traced_record

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.domain.delivery import Delivery
    from pipeline.engine.consume_loop import ConsumeLoop
    from pipeline.engine.ticket import Ticket
    from pipeline.stages.sender.attempt_log import AttemptLog
    from pipeline.stages.sender.attempting import Tried
    from pipeline.stages.sender.giving_up import GivingUp
    from pipeline.stages.sender.memory import TriedMemory
    from pipeline.stages.sender.owners_notes import OwnersNotes
    from pipeline.stages.sender.recipient import Recipient

    Again = Callable[[Lane, Item], None]
    """Takes back what is to be tried again by this very process."""


class Concluding:
    """Everything that an attempt's end causes, but for the lane's next start."""

    def __init__(
        self,
        loop: ConsumeLoop,
        attempt_log: AttemptLog,
        *,
        giving_up: GivingUp,
        memory: TriedMemory,
        notes: OwnersNotes,
    ) -> None:
        self._loop = loop
        self._attempt_log = attempt_log
        self._giving_up = giving_up
        self._memory = memory
        self._notes = notes

    @property
    def is_behind(self) -> bool:
        """Attempts are not being written: no more should be made."""
        return self._attempt_log.is_behind

    def conclude(
        self, lane: Lane, item: Item, *, tried: Tried, ticket: Ticket, again: Again
    ) -> None:
        """The ticket's record is finished when the brokers have all that is written here."""
        recipient = tried.recipient
        judge(lane, item, tried)
        if not self._loop.is_current(ticket):
            return  # its new owner does it again; a retry written now would be one too many
        tried = self._as_asked(item, tried)
        trace = None if tried.trace is None else tried.trace.headers
        self._attempt_log.add(attempt_entry(item, tried), ticket, trace=trace)
        match tried.verdict:
            case RetryAt(due_at_ms):
                following = _following(item.delivery, tried, due_at_ms=due_at_ms)
                if recipient.is_strict or not self._giving_up.defer(
                    following, ticket=ticket, trace=trace
                ):
                    held = Item(traced_record(item.record, tried.trace), following)
                    lane.awaits_head = recipient.is_strict
                    ticket.settle_with(lambda _: self._hold(lane, held, ticket=ticket, again=again))
                else:
                    self._finish_after_all(item, recipient, ticket, None)
            case Dead(reason):
                failure = LastFailure(tried.sent.outcome, tried.sent.status, tried.sent.error)
                buried = item._replace(record=traced_record(item.record, tried.trace))
                self._giving_up.bury_tried(buried, reason, ticket=ticket, failure=failure)
                self._finish_after_all(item, recipient, ticket, state_of(reason))
            case _:
                self._finish_after_all(item, recipient, ticket, State.DELIVERED)
        ticket.release()

    def _as_asked(self, item: Item, tried: Tried) -> Tried:
        """What was dropped while it was under way is not tried again."""
        if isinstance(tried.verdict, RetryAt) and self._notes.table.is_dropped(
            item.delivery.delivery_id
        ):
            return tried._replace(verdict=Dead(Reason.DROPPED))
        return tried

    def _finish_after_all(
        self, item: Item, recipient: Recipient, ticket: Ticket, state: State | None
    ) -> None:
        """`state` is how the delivery ended; None where its next attempt is written."""
        self._notes.tell(item.delivery, ticket, state)
        ticket.settle_after(
            self._finished_strictly if recipient.is_strict else self._finished, item
        )

    def _finished(self, item: Item) -> None:
        self._memory.add(item.delivery.delivery_id, item.delivery.attempt)
        self._notes.ended(item.delivery.delivery_id)

    def _finished_strictly(self, item: Item) -> None:
        self._finished(item)
        self._loop.annotate(item.record.partition, "")

    def _hold(self, lane: Lane, item: Item, *, ticket: Ticket, again: Again) -> None:
        """Its attempt is written; it waits for the next one at the head of its lane.

        In a strict topic all wait behind it, and its next owner is told how far it has come.
        """
        lane.awaits_head = False
        if not self._loop.is_current(ticket):
            return
        self._loop.put_back(ticket)
        if lane.recipient.is_strict:
            self._loop.annotate(item.record.partition, write_note(_note(item)))
        again(lane, item)


def judge(lane: Lane, item: Item, tried: Tried) -> None:
    """What the attempt says about its endpoint, as it was when the attempt began."""
    circuit, sent = lane.circuit, tried.sent
    if tried.is_accepted:
        circuit.on_success()
    elif isinstance(tried.verdict, Dead) and tried.verdict.reason == Reason.GONE:
        circuit.on_gone(version=tried.recipient.endpoint.version)
    elif tried.recipient.rules.acknowledgement.counts_against(sent.outcome, sent.status):
        circuit.on_failure(item.delivery.delivery_id, now_ms=tried.ended_at_ms)
    else:
        circuit.on_refusal()


def _following(delivery: Delivery, tried: Tried, *, due_at_ms: int) -> Delivery:
    return delivery._replace(
        attempt=delivery.attempt + 1,
        first_attempt_at_ms=delivery.first_attempt_at_ms or tried.started_at_ms,
        due_at_ms=due_at_ms,
        parked=0,
    )


def _note(item: Item) -> HoldNote:
    delivery = item.delivery
    return HoldNote(
        item.record.offset,
        delivery.attempt,
        delivery.due_at_ms or 0,
        delivery.first_attempt_at_ms or 0,
    )
