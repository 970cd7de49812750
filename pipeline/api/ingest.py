"""Accepts events: checks them, publishes them with the tables' positions, and answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from http import HTTPStatus
from typing import Final

import msgspec
from starlette.types import Receive, Scope

from pipeline.accepting import EventLog, NotPublished, TableLogs
from pipeline.api.caller import CALLER_IN_SCOPE, Caller
from pipeline.api.event_checks import EventChecks
from pipeline.api.event_reading import read_batch, read_single
from pipeline.api.fresh_ids import FreshEventIds
from pipeline.api.problems import FieldError, Problem, invalid, of_status, unavailable
from pipeline.api.repetition import Repeatable, Repetition, read_idempotency_key
from pipeline.api.table_reach import TableReach
from pipeline.domain.event import Event
from pipeline.domain.event_document import EventKey
from pipeline.domain.event_intake import MAX_PROBLEMS, NewId
from pipeline.domain.identifiers import repeatable_event_id
from pipeline.domain.table_positions import POSITIONS_HEADER
from pipeline.flow import Emit
from pipeline.telemetry.trace_context import TRACEPARENT, TRACESTATE, TraceHeaders, trace_headers

ANSWER_SECONDS: Final = 10.0
"""From when a request is read to Kafka's acknowledgement."""
_HASH_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class IngestPorts:
    """What accepting events needs."""

    checks: EventChecks
    reach: TableReach
    table_logs: TableLogs
    event_log: EventLog
    encode: Callable[[Event], bytes]
    """As the topic's readers take them."""
    event_key: EventKey
    topic: str
    repetition: Repetition
    now_ms: Callable[[], int]


_Publish = Callable[[bytes, NewId, TraceHeaders], Awaitable[bytes]]


class Ingest:
    """Answers requests that publish events. No store is asked but for an `Idempotency-Key`."""

    def __init__(self, ports: IngestPorts) -> None:
        self._ports = ports
        self._fresh_ids = FreshEventIds(ports.now_ms)

    async def single(self, scope: Scope, receive: Receive) -> bytes:
        """The JSON to answer with 202 once the event is acknowledged. Raises Problem."""
        return await self._answered(scope, receive, self._publish_single)

    async def batch(self, scope: Scope, receive: Receive) -> bytes:
        """The same for up to 1,000 events, all of which are checked before any is published."""
        return await self._answered(scope, receive, self._publish_batch)

    async def _answered(self, scope: Scope, receive: Receive, publish: _Publish) -> bytes:
        caller = scope[CALLER_IN_SCOPE]
        assert isinstance(caller, Caller)  # noqa: S101 - nobody gets here without a good key
        caller.check_operator()
        caller.check_writes()
        header = _idempotency_key(scope)
        trace = _trace(scope)
        body = await _whole_body(receive)
        if header is None:
            return await publish(body, self._fresh_ids, trace)
        request = Repeatable(
            caller.key_id,
            read_idempotency_key(header),
            blake2b(b"%b\0%b" % (scope["path"].encode(), body), digest_size=_HASH_BYTES).digest(),
        )
        return await self._ports.repetition.answered(
            request, lambda: publish(body, _repeatable_ids(request), trace)
        )

    async def _publish_single(self, body: bytes, ids: NewId, trace: TraceHeaders) -> bytes:
        event = read_single(body, new_id=ids, now_ms=self._ports.now_ms())
        await self._publish((event,), pointers=_AT_TOP, trace=trace)
        return msgspec.json.encode({"id": event.id})

    async def _publish_batch(self, body: bytes, ids: NewId, trace: TraceHeaders) -> bytes:
        events = await read_batch(body, new_id=ids, now_ms=self._ports.now_ms())
        await self._publish(events, pointers="/events/{}", trace=trace)
        return msgspec.json.encode({"ids": [event.id for event in events]})

    async def _publish(
        self, events: Sequence[Event], *, pointers: str, trace: TraceHeaders
    ) -> None:
        """Return when Kafka has all of them."""
        ports = self._ports
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                # Asked now, so it covers whatever any process has answered before this request.
                ends = await ports.table_logs.ends()
                await ports.reach.wait_reached(ends.positions)
                self._check(events, pointers)
                headers = [(POSITIONS_HEADER, ends.header), *trace]
                await ports.event_log.publish([self._record(event, headers) for event in events])
        except TimeoutError as exc:
            text = f"Kafka has not answered within {ANSWER_SECONDS:g} s"
            raise _not_published(text, events) from exc
        except NotPublished as exc:
            raise _not_published(str(exc), events) from exc

    def _check(self, events: Sequence[Event], pointers: str) -> None:
        errors: list[FieldError] = []
        for index, event in enumerate(events):
            if found := self._ports.checks.errors_of(event):
                pointer = pointers.format(index)
                errors += [FieldError(pointer + one.pointer, one.detail) for one in found]
                if len(errors) >= MAX_PROBLEMS:
                    break
        if errors:
            raise invalid(errors[:MAX_PROBLEMS])

    def _record(self, event: Event, headers: list[tuple[str, bytes]]) -> Emit:
        ports = self._ports
        key = ports.event_key(event.account, event.subject)
        return Emit(ports.topic, ports.encode(event), key, headers)


_AT_TOP: Final = ""
_TRACE: Final = frozenset({TRACEPARENT.encode(), TRACESTATE.encode()})


def _idempotency_key(scope: Scope) -> bytes | None:
    for name, value in scope["headers"]:
        if name == b"idempotency-key":
            return value
    return None


def _trace(scope: Scope) -> TraceHeaders:
    """The publisher's own, who is an operator: his choice whether it is traced holds."""
    named = [(name.decode("latin-1"), value) for name, value in scope["headers"] if name in _TRACE]
    return trace_headers(named) or []


async def _whole_body(receive: Receive) -> bytes:
    """All of it comes at once. Raises Problem."""
    message = await receive()
    if message["type"] != "http.request":
        raise of_status(HTTPStatus.BAD_REQUEST, "The body did not come to its end.")
    return message.get("body", b"")


def _repeatable_ids(request: Repeatable) -> NewId:
    owner, key, content = request
    return lambda index: repeatable_event_id(owner, key=key, content=content, index=index)


def _not_published(text: str, events: Sequence[Event]) -> Problem:
    """It may be there nevertheless, so it is to come again with the same id."""
    if len(events) == 1:
        return unavailable(f"{text}. Send the event again, with the id {events[0].id}.")
    return unavailable(
        f"{text}. Some of the events may have been taken: send all of them again, with the same"
        " ids or the same Idempotency-Key."
    )
