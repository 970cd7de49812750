"""Sender: deliveries in; requests, attempts, retries and dead letters out."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.domain.acknowledgement import counts_against
from pipeline.domain.dead_letters import LastFailure
from pipeline.domain.delivery import Reason
from pipeline.domain.endpoint import EndpointStatus
from pipeline.domain.verdict import Dead, Delivered, RetryAt
from pipeline.ports import Undecodable
from pipeline.stages.sender.attempting import attempt_entry
from pipeline.stages.sender.hold_note import HoldNote, read_note, write_note
from pipeline.stages.sender.lane import Item, Lane, Wait
from pipeline.telemetry.instruments import RECORDS_READ, REPEATS_DROPPED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pipeline.domain.delivery import Delivery
    from pipeline.domain.directory import Directory
    from pipeline.domain.endpoint import Endpoint
    from pipeline.engine.consume_loop import ConsumeLoop
    from pipeline.engine.tasks import Tasks
    from pipeline.engine.ticket import Ticket
    from pipeline.flow import Partition, Record, StartAt
    from pipeline.ports import Records
    from pipeline.stages.sender.attempt_log import AttemptLog
    from pipeline.stages.sender.attempting import Attempting, Tried
    from pipeline.stages.sender.giving_up import GivingUp
    from pipeline.stages.sender.memory import TriedMemory
    from pipeline.stages.sender.recipient import Recipient
    from pipeline.telemetry.tally import Tally

QUEUED_BYTES = 32 * 1024 * 1024
"""How much may wait in the lanes of a process before topics are paused and lanes spill."""
LANE_BYTES = 256 * 1024
"""What any lane may hold, however many there are."""
PATIENCE_MS = 2_000
"""A lane in the shared topic whose queue takes longer than this spills when memory is short; a
faster one waits."""


@dataclass(frozen=True, slots=True)
class SenderPorts:
    """What the sender works with."""

    records: Records
    directory: Directory
    prepare: Callable[[Endpoint], Recipient | None]
    """None where nothing can be sent to the endpoint as it is; its deliveries wait for its next
    version."""
    attempting: Attempting
    attempt_log: AttemptLog
    giving_up: GivingUp
    memory: TriedMemory
    tally: Tally
    now_ms: Callable[[], int]
    shared_topic: str
    max_wait_ms: int


class Sender:
    """An intake over delivery topics: a lane for each endpoint, one process for each lane."""

    def __init__(self, loop: ConsumeLoop, ports: SenderPorts, *, tasks: Tasks) -> None:
        self._loop = loop
        self._ports = ports
        self._tasks = tasks
        self._lanes: dict[str, Lane] = {}
        self._behind: dict[str, list[Item]] = {}
        """Deliveries whose endpoint's record has not come yet."""
        self._notes: dict[Partition, HoldNote] = {}
        self._paused: dict[Partition, Lane] = {}
        self._stopped: set[Partition] = set()
        self._queued_bytes = 0

    # Intake.

    def begin(self, start: StartAt) -> None:
        self._stopped.discard(start.partition)
        note = read_note(start.metadata)
        if note is not None and note.offset == start.offset:
            self._notes[start.partition] = note

    def take(self, records: Sequence[Record]) -> None:
        ports = self._ports
        ports.tally.add(RECORDS_READ, "delivery", amount=len(records))
        touched: dict[str, None] = {}
        for record in records:
            try:
                delivery = ports.records.decode_delivery(record.value or b"")
            except Undecodable as error:
                ports.giving_up.bury_record(record, str(error))
                continue
            if record.partition in self._notes:
                delivery = self._resume(record, delivery)
            if (delivery.delivery_id, delivery.attempt) in ports.memory:
                ports.tally.add(REPEATS_DROPPED)
                self._loop.open_ticket(record).release()
                continue
            self._place(Item(record, delivery))
            touched[delivery.endpoint] = None
        for endpoint_id in touched:
            self._pump(endpoint_id)

    def stop(self, partitions: frozenset[Partition]) -> None:
        self._stopped |= partitions
        for lane in self._lanes.values():
            before = lane.queued_bytes
            lane.drop(partitions)
            self._queued_bytes -= before - lane.queued_bytes
        for endpoint_id, items in list(self._behind.items()):
            self._behind[endpoint_id] = [
                item for item in items if item.record.partition not in partitions
            ]

    def forget(self, partitions: frozenset[Partition]) -> None:
        self.stop(partitions)
        for partition in partitions:
            self._notes.pop(partition, None)
            self._paused.pop(partition, None)

    # The tables.

    def on_endpoints(self, endpoint_ids: Iterable[str]) -> None:
        """These endpoints' records may have changed."""
        for endpoint_id in endpoint_ids:
            self._on_endpoint(endpoint_id)

    def _on_endpoint(self, endpoint_id: str) -> None:
        lane = self._lanes.get(endpoint_id)
        endpoint = self._ports.directory.endpoint(endpoint_id)
        if (
            lane is not None
            and endpoint is not None
            and endpoint.version > lane.recipient.endpoint.version
        ):
            recipient = self._ports.prepare(endpoint)
            if recipient is not None:
                lane.update(recipient, now_ms=self._ports.now_ms())
        for item in self._behind.pop(endpoint_id, ()):
            self._place(item)
        self._pump(endpoint_id)

    # Lanes.

    def _resume(self, record: Record, delivery: Delivery) -> Delivery:
        note = self._notes.pop(record.partition)
        return note.applied_to(delivery) if note.offset == record.offset else delivery

    def _place(self, item: Item) -> None:
        endpoint_id = item.delivery.endpoint
        lane = self._lanes.get(endpoint_id)
        if lane is None or lane.recipient.endpoint.version < item.delivery.endpoint_version:
            lane = self._open_lane(item.delivery)
        if lane is None:
            self._behind.setdefault(endpoint_id, []).append(item)
            return
        lane.push(item)
        self._queued_bytes += len(item.record.value or b"")
        if lane.queued_bytes > LANE_BYTES and lane.queued_bytes > self._fair_share():
            self._relieve(lane, item.record.partition)

    def _open_lane(self, delivery: Delivery) -> Lane | None:
        """None while the table is behind what routed the delivery.

        An id it does not know is not a removed one.
        """
        endpoint = self._ports.directory.endpoint(delivery.endpoint)
        if endpoint is None or endpoint.version < delivery.endpoint_version:
            return None
        recipient = self._ports.prepare(endpoint)
        if recipient is None:
            return None
        lane = self._lanes.get(delivery.endpoint)
        if lane is None:
            lane = self._lanes[delivery.endpoint] = Lane(recipient)
        else:
            lane.update(recipient, now_ms=self._ports.now_ms())
        return lane

    def _fair_share(self) -> int:
        busy = sum(1 for lane in self._lanes.values() if lane.queued_bytes > LANE_BYTES)
        return QUEUED_BYTES // max(busy, 1)

    def _relieve(self, lane: Lane, partition: Partition) -> None:
        """Its queue is long.

        A topic of its own waits in its log, and so does a fast one; a slow one must not pin the
        partition that it shares.
        """
        if partition.topic == self._ports.shared_topic and lane.drain_ms() > PATIENCE_MS:
            item = lane.pop_last()
            self._queued_bytes -= len(item.record.value or b"")
            self._ports.giving_up.park(lane, item)
        else:
            self._paused[partition] = lane
            self._loop.pause(partition)

    def _pump(self, endpoint_id: str) -> None:
        """Start what may start now."""
        lane = self._lanes.get(endpoint_id)
        if lane is None or not lane.queue:
            return
        if not self._may_send(lane):
            return
        wait: Wait | None = None
        while lane.queue and (wait := lane.next_start(self._ports.now_ms())) is None:
            item = self._pop(lane)
            if self._ports.now_ms() - item.record.timestamp_ms > self._ports.max_wait_ms:
                self._ports.giving_up.bury(item, Reason.EXPIRED)
            else:
                self._start(lane, item)
        if lane.queue and wait is not None:
            self._wait(lane, wait)
        self._unpause()

    def _may_send(self, lane: Lane) -> bool:
        status = lane.recipient.endpoint.status
        if status == EndpointStatus.ACTIVE:
            return True
        if status == EndpointStatus.REMOVED:
            self._empty(
                lane, lambda item: self._ports.giving_up.bury(item, Reason.ENDPOINT_REMOVED)
            )
        elif lane.queue[0].record.partition.topic == self._ports.shared_topic:
            self._empty(lane, lambda item: self._ports.giving_up.bury(item, Reason.INACTIVE))
        return False

    def _wait(self, lane: Lane, wait: Wait) -> None:
        now_ms = self._ports.now_ms()
        if (
            not lane.circuit.is_closed
            and lane.queue[0].record.partition.topic == self._ports.shared_topic
        ):
            self._spill(lane)
        elif wait.until_ms is not None:
            if lane.timer is not None:
                lane.timer.cancel()
            delay = max(wait.until_ms - now_ms, 1) / 1000
            endpoint_id = lane.recipient.endpoint.id
            # Long waits are cut: a clock that was stepped is noticed.
            lane.timer = asyncio.get_running_loop().call_later(
                min(delay, 30.0), self._pump, endpoint_id
            )

    def _spill(self, lane: Lane) -> None:
        """Its circuit is open: what is here waits in a tier, and no attempt is spent."""
        if lane.circuit.is_gone:
            self._empty(lane, lambda item: self._ports.giving_up.bury(item, Reason.INACTIVE))
        else:
            self._empty(lane, lambda item: self._ports.giving_up.park(lane, item))

    def _empty(self, lane: Lane, act: Callable[[Item], None]) -> None:
        while lane.queue:
            act(self._pop(lane))
        self._unpause()

    def _pop(self, lane: Lane) -> Item:
        item = lane.pop()
        self._queued_bytes -= len(item.record.value or b"")
        return item

    def _unpause(self) -> None:
        if not self._paused:
            return
        share = self._fair_share()
        for partition, lane in list(self._paused.items()):
            if lane.queued_bytes <= max(share // 2, LANE_BYTES):
                del self._paused[partition]
                self._loop.resume(partition)

    def _start(self, lane: Lane, item: Item) -> None:
        lane.started()
        ticket = self._loop.open_ticket(item.record)
        self._tasks.start(self._attempt(lane, item, ticket))

    async def _attempt(self, lane: Lane, item: Item, ticket: Ticket) -> None:
        recipient = lane.recipient
        tried = await self._ports.attempting.attempt(recipient, item)
        lane.ended(tried.ended_at_ms - tried.started_at_ms)
        _judge(lane, item, tried=tried, version=recipient.endpoint.version)
        if self._loop.is_current(ticket):
            self._ports.attempt_log.add(attempt_entry(recipient, item, tried), ticket)
            self._conclude(lane, item, tried=tried, ticket=ticket)
            ticket.release()
        self._pump(recipient.endpoint.id)

    def _conclude(self, lane: Lane, item: Item, *, tried: Tried, ticket: Ticket) -> None:
        delivery = item.delivery
        match tried.verdict:
            case Dead(reason):
                failure = LastFailure(tried.sent.outcome, tried.sent.status, tried.sent.error)
                self._ports.giving_up.bury_tried(item, reason, ticket=ticket, failure=failure)
            case RetryAt(due_at_ms):
                following = delivery._replace(
                    attempt=delivery.attempt + 1,
                    first_attempt_at_ms=delivery.first_attempt_at_ms or tried.started_at_ms,
                    due_at_ms=due_at_ms,
                    parked=0,
                )
                if lane.recipient.is_strict or not self._ports.giving_up.defer(
                    following, ticket=ticket
                ):
                    ticket.settle_with(
                        lambda _: self._hold(lane, Item(item.record, following), ticket)
                    )
                    return
            case Delivered():
                pass
        ticket.settle_after(lambda: self._finished(lane, item))

    def _finished(self, lane: Lane, item: Item) -> None:
        self._ports.memory.add(item.delivery.delivery_id, item.delivery.attempt)
        if lane.recipient.is_strict:
            self._loop.annotate(item.record.partition, "")

    def _hold(self, lane: Lane, item: Item, ticket: Ticket) -> None:
        """Its attempt is written.

        It waits for the next one in memory, and in a strict topic all wait behind it.
        """
        if not self._loop.is_current(ticket):
            return
        self._loop.put_back(ticket)
        delivery = item.delivery
        if item.record.partition in self._stopped:
            return
        if lane.recipient.is_strict:
            note = HoldNote(
                item.record.offset,
                delivery.attempt,
                delivery.due_at_ms or 0,
                delivery.first_attempt_at_ms or 0,
            )
            self._loop.annotate(item.record.partition, write_note(note))
        lane.push_front(item)
        self._queued_bytes += len(item.record.value or b"")
        self._pump(lane.recipient.endpoint.id)


def _judge(lane: Lane, item: Item, *, tried: Tried, version: int) -> None:
    """What an attempt of that version of the endpoint says about it."""
    circuit, sent = lane.circuit, tried.sent
    if tried.is_accepted:
        circuit.on_success()
    elif isinstance(tried.verdict, Dead) and tried.verdict.reason == Reason.GONE:
        circuit.on_gone(version=version)
    elif counts_against(sent.outcome, sent.status):
        circuit.on_failure(item.delivery.delivery_id, now_ms=tried.ended_at_ms)
    else:
        circuit.on_refusal()
