"""Sender: deliveries in; requests, attempts, retries and dead letters out."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.domain.delivery import Reason
from pipeline.ports import Undecodable
from pipeline.stages.sender.clearing import Clearing
from pipeline.stages.sender.hold_note import HoldNote, read_note
from pipeline.stages.sender.lane import Item, Lane, Wait
from pipeline.stages.sender.lanes import Lanes
from pipeline.stages.sender.places import PERIOD_MS, Place, Places
from pipeline.stages.sender.under_way import Ended, UnderWay
from pipeline.telemetry.instruments import RECORDS_READ, REPEATS_DROPPED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pipeline.domain.delivery import Delivery
    from pipeline.domain.directory import Directory
    from pipeline.domain.endpoint import Endpoint
    from pipeline.engine.consume_loop import ConsumeLoop
    from pipeline.engine.tasks import Tasks
    from pipeline.flow import Partition, Record, StartAt
    from pipeline.ports import Records
    from pipeline.stages.sender.attempting import Attempting, Tried
    from pipeline.stages.sender.concluding import Concluding
    from pipeline.stages.sender.giving_up import GivingUp
    from pipeline.stages.sender.intervening import Intervening
    from pipeline.stages.sender.memory import TriedMemory
    from pipeline.stages.sender.recipient import Recipient
    from pipeline.telemetry.tally import Tally


@dataclass(frozen=True, slots=True)
class SenderPorts:
    """What the sender works with."""

    records: Records
    directory: Directory
    prepare: Callable[[Endpoint], Recipient | None]
    """None where nothing can be sent to the endpoint as it is; its deliveries wait for its next
    version."""
    attempting: Attempting
    concluding: Concluding
    giving_up: GivingUp
    intervening: Intervening
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
        self._now_ms = ports.now_ms
        self._lanes = Lanes(loop.pause, loop.resume)
        self.failing = self._lanes.failing
        """How many circuits are open or gone, and since when; any thread."""
        self._clearing = Clearing(self._lanes, ports.giving_up, shared_topic=ports.shared_topic)
        self._places = Places(is_held=lambda: ports.concluding.is_behind)
        self._ended = Ended()
        self._period: asyncio.TimerHandle | None = None
        self._behind: dict[str, list[Item]] = {}
        """Deliveries whose endpoint's record, or what was asked of them, has not come yet."""
        self._notes: dict[Partition, HoldNote] = {}
        self._stopped: set[Partition] = set()
        tasks.start(self._conclude_for_ever())

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
                ports.giving_up.bury_undecodable(record, str(error))
                continue
            if self._notes and record.partition in self._notes:
                delivery = self._resume(record, delivery)
            if (delivery.delivery_id, delivery.attempt) in ports.memory:
                ports.tally.add(REPEATS_DROPPED)
                self._loop.open_ticket(record).release()
                continue
            self._enter(Item(record, delivery))
            touched[delivery.endpoint] = None
        for endpoint_id in touched:
            self._pump(endpoint_id)

    def bury(self, record: Record) -> None:
        self._ports.giving_up.bury_culprit(record)

    def stop(self, partitions: frozenset[Partition]) -> None:
        self._stopped |= partitions
        self._ports.intervening.stop(partitions)
        self._lanes.drop(partitions)
        for endpoint_id, items in list(self._behind.items()):
            self._behind[endpoint_id] = [
                item for item in items if item.record.partition not in partitions
            ]

    def forget(self, partitions: frozenset[Partition]) -> None:
        self.stop(partitions)
        for partition in partitions:
            self._notes.pop(partition, None)

    # The tables.

    def on_endpoints(self, endpoint_ids: Iterable[str]) -> None:
        """These endpoints' records may have changed."""
        for endpoint_id in endpoint_ids:
            self._on_endpoint(endpoint_id)

    def _on_endpoint(self, endpoint_id: str) -> None:
        lane = self._lanes.get(endpoint_id)
        endpoint = self._ports.directory.endpoint(endpoint_id)
        if lane is not None and endpoint is not None:  # the same version's profile may be new
            recipient = self._ports.prepare(endpoint)
            if recipient is not None:
                lane.update(recipient, now_ms=self._ports.now_ms())
        if lane is not None:
            self._ports.intervening.revise(lane)
            self._lanes.revised(lane)
        for item in self._behind.pop(endpoint_id, ()):
            self._enter(item)
        self._pump(endpoint_id)

    # Lanes.

    def _resume(self, record: Record, delivery: Delivery) -> Delivery:
        note = self._notes.pop(record.partition)
        return note.applied_to(delivery) if note.offset == record.offset else delivery

    def _enter(self, item: Item) -> None:
        """It waits in its lane, unless somebody wants it otherwise."""
        if self._ports.intervening.is_early(item):
            self._behind.setdefault(item.delivery.endpoint, []).append(item)
            return
        entered = self._ports.intervening.entered(item)
        if entered is not None:
            self._place(entered)

    def _place(self, item: Item) -> None:
        endpoint_id = item.delivery.endpoint
        lane = self._lanes.get(endpoint_id)
        if lane is None or lane.recipient.endpoint.version < item.delivery.endpoint_version:
            lane = self._open_lane(item.delivery)
        if lane is None:
            self._behind.setdefault(endpoint_id, []).append(item)
            return
        self._lanes.push(lane, item)
        if self._lanes.is_over_share(lane):
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
        return self._lanes.open(recipient, now_ms=self._ports.now_ms())

    def _relieve(self, lane: Lane, partition: Partition) -> None:
        """Do something about its long queue.

        A topic of its own waits in its log, and so does a fast one; a slow one must not pin the
        partition that it shares.
        """
        if partition.topic == self._ports.shared_topic and lane.is_slow:
            self._ports.giving_up.park(lane, self._lanes.pop_last(lane))
        else:
            self._lanes.pause(partition, lane)

    def _pump(self, endpoint_id: str) -> None:
        """Start what may start now."""
        now_ms = self._now_ms()
        if self._places.has_line:
            self._places.line_up(endpoint_id, now_ms)
            self._serve_line(now_ms)
        else:
            while self._start_next(endpoint_id, now_ms):
                pass

    def _serve_line(self, now_ms: int) -> None:
        """Give the free places to those that wait for one, in turn."""
        while (endpoint_id := self._places.next_in_line(now_ms)) is not None:
            if self._start_next(endpoint_id, now_ms):
                self._places.line_up(endpoint_id, now_ms)
        self._serve_later()

    def _serve_later(self) -> None:
        """Places come free as requests end, as they grow old, and as more of them pay."""
        if self._period is None and self._places.has_line:
            self._period = asyncio.get_running_loop().call_later(
                PERIOD_MS / 1000, self._on_period_passed
            )

    def _on_period_passed(self) -> None:
        self._period = None
        now_ms = self._now_ms()
        self._places.pass_time(now_ms)
        self._serve_line(now_ms)

    def _start_next(self, endpoint_id: str, now_ms: int) -> bool:
        """Start its next delivery, or see to it that this happens later.

        True if another one may perhaps start, too.
        """
        lane = self._lanes.get(endpoint_id)
        giving_up = self._ports.giving_up
        if (
            lane is None
            or not giving_up.has_left(self._lanes, lane)
            or not self._clearing.may_send(lane)
        ):
            return False
        place = self._places.take(now_ms)
        if place is None:
            self._places.line_up(endpoint_id, now_ms)
            self._serve_later()
            return False
        wait = lane.next_start(now_ms)
        if wait is not None:
            self._places.give_back(place)
            self._wait(lane, wait, now_ms)
            return False
        self._take_up(lane, place, now_ms)
        return bool(lane.queue)

    def _take_up(self, lane: Lane, place: Place, now_ms: int) -> None:
        item = self._lanes.pop(lane)
        if now_ms - item.record.timestamp_ms > self._ports.max_wait_ms:
            self._places.give_back(place)
            self._ports.giving_up.bury(item, Reason.EXPIRED)
            return
        if not self._ports.intervening.began(item):
            self._places.give_back(place)
            return
        lane.started()
        ticket = self._loop.open_ticket(item.record)
        under_way = UnderWay(lane, item, ticket=ticket, place=place)
        self._ports.attempting.begin(under_way, self._ended.noting(under_way), now_ms=now_ms)

    def _wait(self, lane: Lane, wait: Wait, now_ms: int) -> None:
        if not lane.circuit.is_closed and self._clearing.is_shared(lane):
            self._clearing.spill(lane)
        elif wait.until_ms is not None:
            if lane.timer is not None:
                lane.timer.cancel()
            # Long waits are cut: a clock that was stepped is noticed.
            delay, its = min(max(wait.until_ms - now_ms, 1) / 1000, 30.0), lane.recipient.endpoint
            lane.timer = asyncio.get_running_loop().call_later(delay, self._pump, its.id)

    async def _conclude_for_ever(self) -> None:
        """One task for all attempts: one each would cost as much again as concluding them."""
        while True:
            await self._ended.wait()
            while (under_way := self._ended.next()) is not None:
                tried = self._ports.attempting.end(under_way, now_ms=self._now_ms())
                self._places.give_back(under_way.place)
                await self._loop.wait_confirmed()
                self._conclude(under_way, tried)

    def _conclude(self, under_way: UnderWay, tried: Tried) -> None:
        lane, item = under_way.lane, under_way.item
        lane.ended(tried.ended_at_ms - tried.started_at_ms)
        self._ports.concluding.conclude(
            lane, item, tried=tried, ticket=under_way.ticket, again=self._again
        )
        self._pump(item.delivery.endpoint)

    def _again(self, lane: Lane, item: Item) -> None:
        if item.record.partition in self._stopped:
            return
        entered = self._ports.intervening.entered(item)
        if entered is not None:
            self._lanes.push_front(lane, entered)
        self._pump(item.delivery.endpoint)
