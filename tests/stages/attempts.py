"""One attempt with everything real, and what was sent."""

from __future__ import annotations

import asyncio

from pipeline.engine.ledger import Ledger
from pipeline.engine.ticket import Ticket
from pipeline.stages.sender.attempting import Attempting, Tried
from pipeline.stages.sender.lane import Item, Lane
from pipeline.stages.sender.places import Place
from pipeline.stages.sender.recipient import Recipient
from pipeline.stages.sender.under_way import Ended, UnderWay
from pipeline.telemetry.spans import Spans
from pipeline.telemetry.tally import Tally


async def try_once(recipient: Recipient, item: Item, tally: Tally | None = None) -> Tried:
    ticket = Ticket(item.record, Ledger(0), lambda _: None)
    under_way = UnderWay(Lane(recipient), item, ticket=ticket, place=Place(0))
    attempting = Attempting(jitter=lambda: 0.5, tally=tally or Tally(), spans=Spans(None))
    ended = Ended()
    attempting.begin(under_way, ended.noting(under_way), now_ms=1_000_000_000)
    async with asyncio.timeout(10):
        await ended.wait()
    assert ended.next() is under_way
    assert ended.next() is None
    return attempting.end(under_way, now_ms=1_000_000_250)


def headers_of(request: bytes) -> dict[str, str]:
    lines = request.split(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
