"""Scheduler.

What waits in a tier goes on when the tier's delay is over, to the next tier or to its endpoint.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.domain.delivery import Reason
from pipeline.domain.endpoint import EndpointStatus
from pipeline.domain.tiers import next_hop
from pipeline.flow import Emit
from pipeline.ports import Undecodable
from pipeline.stages.scheduler.waiting import FEW_WAITING, MOST_WAITING, WaitingLine
from pipeline.telemetry.instruments import HOPS, RECORDS_READ, REPEATS_DROPPED
from pipeline.telemetry.trace_context import trace_headers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pipeline.domain.delivery import Delivery
    from pipeline.domain.directory import Directory
    from pipeline.domain.interventions import Interventions
    from pipeline.domain.tiers import Tier
    from pipeline.engine.consume_loop import ConsumeLoop
    from pipeline.engine.outlet import Outlet
    from pipeline.engine.ticket import Ticket
    from pipeline.flow import Partition, Record, StartAt
    from pipeline.ports import EmitRefused, Records
    from pipeline.stages.dead_lettering import DeadLettering
    from pipeline.stages.scheduler.tracing import PassingTraces
    from pipeline.telemetry.tally import Tally

LONGEST_NAP_SECONDS = 0.5
"""A stepped clock is noticed at the latest after this."""
BEHIND_SECONDS = 0.25
"""How soon a delivery whose endpoint is not in the table yet is looked at again."""


@dataclass(frozen=True, slots=True)
class SchedulerPorts:
    """What the scheduler works with."""

    outlet: Outlet
    records: Records
    directory: Directory
    interventions: Interventions
    dead: DeadLettering
    tally: Tally
    now_ms: Callable[[], int]
    tiers: Sequence[Tier]
    tier_topics: Mapping[str, Tier]
    """By topic."""
    tracing: PassingTraces


class Scheduler:
    """An intake over the tiers' topics; `work` must run beside the loop."""

    def __init__(self, loop: ConsumeLoop, ports: SchedulerPorts) -> None:
        self._loop = loop
        self._ports = ports
        self._topic_of = {tier.name: topic for topic, tier in ports.tier_topics.items()}
        self._lines: dict[Partition, WaitingLine] = {}
        self._wake = asyncio.Event()

    def begin(self, start: StartAt) -> None:
        delay_ms = self._ports.tier_topics[start.partition.topic].delay_ms
        self._lines[start.partition] = WaitingLine(start.partition, delay_ms=delay_ms)

    def take(self, records: Sequence[Record]) -> None:
        self._ports.tally.add(RECORDS_READ, "retry", amount=len(records))
        for record in records:
            line = self._lines[record.partition]
            line.records.append(record)
            if len(line.records) >= MOST_WAITING:
                self._loop.pause(record.partition)
        self._wake.set()

    def bury(self, record: Record) -> None:
        self._give_up(self._loop.open_ticket(record), self._ports.dead.of_culprit(record))

    def stop(self, partitions: frozenset[Partition]) -> None:
        for partition in partitions & self._lines.keys():
            self._lines[partition].is_stopped = True

    def forget(self, partitions: frozenset[Partition]) -> None:
        for partition in partitions:
            line = self._lines.pop(partition, None)
            if line is not None:
                line.is_stopped = True

    async def work(self) -> None:
        """Pass on what is due, for ever."""
        while True:
            self._wake.clear()
            for line in list(self._lines.values()):
                await self._advance(line)
            nap_seconds = self._nap_seconds()
            if nap_seconds > 0:
                try:
                    async with asyncio.timeout(nap_seconds):
                        await self._wake.wait()
                except TimeoutError:
                    pass

    async def _advance(self, line: WaitingLine) -> None:
        for record in line.elapsed(self._brokers_now_ms()):
            self._pass_on(record)
            if self._ports.outlet.is_congested:
                await self._ports.outlet.wait_room()
        if len(line.records) <= FEW_WAITING:
            self._loop.resume(line.partition)

    def _brokers_now_ms(self) -> int:
        """A tier's delay runs from the append, by the brokers' clock.

        By one that is further ahead than the delay it would be over at once, again and again.
        """
        return self._ports.now_ms() - self._ports.outlet.clock_ahead_ms

    def _nap_seconds(self) -> float:
        now_ms = self._brokers_now_ms()
        due = [at_ms for line in self._lines.values() if (at_ms := line.next_at_ms()) is not None]
        if not due:
            return LONGEST_NAP_SECONDS
        return min(LONGEST_NAP_SECONDS, (min(due) - now_ms) / 1000)

    def _pass_on(self, record: Record) -> None:
        ticket = self._loop.open_ticket(record)
        try:
            delivery = self._ports.records.decode_delivery(record.value or b"")
        except Undecodable as error:
            letter = self._ports.dead.of_record(record, Reason.UNDECODABLE, error=str(error))
            self._give_up(ticket, letter)
            return
        if self._ports.interventions.is_superseded(delivery.delivery_id, delivery.attempt):
            # It was called forward long ago, and its attempt is made.
            self._ports.tally.add(REPEATS_DROPPED)
            ticket.release()
            return
        self._hop(delivery, ticket)

    def _hop(self, delivery: Delivery, ticket: Ticket) -> None:
        now_ms = self._ports.now_ms()
        due_at_ms = delivery.due_at_ms or 0
        tier = next_hop(due_at_ms, now_ms, tiers=self._ports.tiers)
        if tier is not None:
            self._ports.tally.add(HOPS, tier.name)
            self._ports.outlet.send(
                Emit(
                    self._topic_of[tier.name],
                    ticket.record.value or b"",
                    ticket.record.key,
                    trace_headers(ticket.record.headers),
                ),
                ticket,
            )
            ticket.release()
        elif due_at_ms > now_ms:
            self._later((due_at_ms - now_ms) / 1000, delivery, ticket)
        else:
            self._deliver(delivery, ticket)

    def _later(self, seconds: float, delivery: Delivery, ticket: Ticket) -> None:
        asyncio.get_running_loop().call_later(seconds, self._again, delivery, ticket)

    def _again(self, delivery: Delivery, ticket: Ticket) -> None:
        if self._loop.is_current(ticket):
            self._hop(delivery, ticket)

    def _deliver(self, delivery: Delivery, ticket: Ticket) -> None:
        endpoint = self._ports.directory.endpoint(delivery.endpoint)
        if endpoint is None:
            # Ids are never used twice and never just vanish: the table is behind.
            self._later(BEHIND_SECONDS, delivery, ticket)
        elif endpoint.status == EndpointStatus.REMOVED:
            reason = Reason.ENDPOINT_REMOVED
            letter = self._ports.dead.of_delivery(delivery, reason, record=ticket.record)
            self._give_up(ticket, letter)
        else:
            self._ports.tally.add(HOPS, "delivery")
            trace = self._ports.tracing.passed_on(ticket.record, delivery)
            emit = Emit(
                endpoint.topic, ticket.record.value or b"", delivery.endpoint.encode(), trace
            )

            def instead(_: EmitRefused) -> Emit:
                return self._ports.dead.of_delivery(
                    delivery, Reason.ENDPOINT_UNAVAILABLE, record=ticket.record
                )

            self._ports.outlet.send(emit, ticket, instead=instead)
            ticket.release()

    def _give_up(self, ticket: Ticket, letter: Emit) -> None:
        self._ports.outlet.send(letter, ticket)
        ticket.release()
