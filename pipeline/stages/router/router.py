"""Router.

An event in, one delivery for each endpoint that asked for it out, its body rendered once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.stages.router.waiting_room import WaitingRoom
from pipeline.telemetry.instruments import RECORDS_READ

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.engine.consume_loop import ConsumeLoop
    from pipeline.engine.outlet import Outlet
    from pipeline.engine.ticket import Ticket
    from pipeline.flow import Partition, Record, StartAt
    from pipeline.stages.dead_lettering import DeadLettering
    from pipeline.stages.router.routing_ports import Routed, RoutesRecords
    from pipeline.stages.router.waiting_room import Gate
    from pipeline.telemetry.tally import Tally


@dataclass(frozen=True, slots=True)
class RouterPorts:
    """What the router works with."""

    outlet: Outlet
    routing: RoutesRecords
    dead: DeadLettering
    tally: Tally
    gate: Gate
    is_gate_for_all: bool = False
    """Whether records without headers may have to wait, too."""


class Router:
    """An intake over the source topics; `work` must run beside the loop.

    Events of a partition are routed in order, and their deliveries produced in that order. One that
    comes before the tables it follows, or the schema it is written with, waits, with all behind it
    in its partition.
    """

    def __init__(self, loop: ConsumeLoop, ports: RouterPorts) -> None:
        self._loop = loop
        self._ports = ports
        self._queue: deque[Record] = deque()
        self._under_way: tuple[Ticket, Iterator[Routed]] | None = None
        self._stopped: set[Partition] = set()
        self._wake = asyncio.Event()
        self._waiting = WaitingRoom(ports.gate, loop, tally=ports.tally, on_ready=self.on_tables)

    def begin(self, start: StartAt) -> None:
        self._stopped.discard(start.partition)

    def take(self, records: Sequence[Record]) -> None:
        self._ports.tally.add(RECORDS_READ, "events", amount=len(records))
        self._queue.extend(records)
        self._advance()

    def on_tables(self) -> None:
        """The tables have gone on, or a schema has come."""
        if self._waiting.records:
            # Before what is in the queue: that came later.
            self._queue.extendleft(reversed(self._waiting.take_ready()))
            self._advance()

    def bury(self, record: Record) -> None:
        ticket = self._loop.open_ticket(record)
        self._ports.outlet.send(self._ports.dead.of_culprit(record), ticket)
        ticket.release()

    def stop(self, partitions: frozenset[Partition]) -> None:
        self._stopped |= partitions
        self._waiting.drop(partitions)
        self._queue = deque(record for record in self._queue if record.partition not in partitions)

    def forget(self, partitions: frozenset[Partition]) -> None:
        self.stop(partitions)
        if self._under_way is not None and self._under_way[0].record.partition in partitions:
            self._under_way = None

    async def work(self) -> None:
        """Go on when there is room again, for ever."""
        while True:
            await self._wake.wait()
            await self._ports.outlet.wait_room()
            self._wake.clear()
            self._advance()

    def _advance(self) -> None:
        """Route until there is nothing left, or no room."""
        if self._ports.outlet.is_congested or not self._send_all():
            self._wake.set()
        self._ports.routing.count()

    def _send_all(self) -> bool:
        """False if it had to stop before the end.

        An event with many endpoints may stop half way and go on later.
        """
        outlet, routing, waiting = self._ports.outlet, self._ports.routing, self._waiting
        may_wait = self._ports.is_gate_for_all
        while self._under_way is not None or self._queue:
            if self._under_way is None:
                record = self._queue.popleft()
                if (may_wait or record.headers or waiting.records) and waiting.keeps(record):
                    continue
                self._under_way = (self._loop.open_ticket(record), routing.routed(record))
            ticket, routed = self._under_way
            for emit, instead in routed:
                outlet.send(emit, ticket, instead=instead)
                if outlet.is_congested:
                    return False
            self._under_way = None
            ticket.release()
        return True
