"""Events out of a request's body, and what is wrong with them as a problem."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Final

from pipeline.api.problems import FieldError, Problem, invalid, of_status
from pipeline.domain.event import Event
from pipeline.domain.event_intake import (
    REFUSALS,
    EventsRefused,
    NewId,
    NotJson,
    carefully_read,
    carefully_read_batch,
    envelope_of,
    envelopes_of,
    event_of,
)

BYTES_AT_ONCE: Final = 256 * 1024
"""After so much of a batch other requests have their turn."""


def read_single(body: bytes, *, new_id: NewId, now_ms: int) -> Event:
    """Raises Problem: 400, 413, 422."""
    try:
        return event_of(envelope_of(body), 0, new_id=new_id, now_ms=now_ms)
    except REFUSALS:
        pass
    try:
        return carefully_read(body, new_id=new_id, now_ms=now_ms)
    except (NotJson, EventsRefused) as exc:
        raise _problem_of(exc) from exc


async def read_batch(body: bytes, *, new_id: NewId, now_ms: int) -> list[Event]:
    """Raises Problem: 400, 413, 422."""
    try:
        return await _read_at_once(body, new_id, now_ms)
    except REFUSALS:
        pass
    try:
        return carefully_read_batch(body, new_id=new_id, now_ms=now_ms)
    except (NotJson, EventsRefused) as exc:
        raise _problem_of(exc) from exc


async def _read_at_once(body: bytes, new_id: NewId, now_ms: int) -> list[Event]:
    events: list[Event] = []
    read_bytes = 0
    for index, envelope in enumerate(envelopes_of(body)):
        event = event_of(envelope, index, new_id=new_id, now_ms=now_ms)
        events.append(event)
        read_bytes += len(event.data)
        if read_bytes > BYTES_AT_ONCE:
            read_bytes = 0
            await asyncio.sleep(0)
    return events


def _problem_of(exc: NotJson | EventsRefused) -> Problem:
    if isinstance(exc, NotJson):
        return of_status(HTTPStatus.BAD_REQUEST, f"The body is no JSON: {exc}.")
    errors = [FieldError(problem.pointer, problem.text) for problem in exc.problems]
    if not exc.has_oversize:
        return invalid(errors)
    return Problem(
        status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        title="Event too large",
        detail="Send less data, or a reference to it.",
        errors=errors,
    )
