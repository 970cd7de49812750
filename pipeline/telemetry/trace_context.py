"""Which trace a record belongs to: W3C Trace Context in its headers. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from opentelemetry.trace import SpanContext, TraceFlags, TraceState

TRACEPARENT: Final = "traceparent"
TRACESTATE: Final = "tracestate"
Headers = Sequence[tuple[str, bytes | None]]
TraceHeaders = list[tuple[str, bytes]]

_TRACEPARENT: Final = re.compile(
    rb"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?",
    re.ASCII,
)
_SAMPLED: Final = int(TraceFlags.SAMPLED)
_MOST_STATE_BYTES: Final = 512
"""As much as everybody has to pass on (Trace Context, section 3.3.1.5); it is copied with each
delivery of the event."""


def trace_headers(headers: Headers | None) -> TraceHeaders | None:
    """Those of a record's headers that name its trace, as they are; None where none does.

    What is no `traceparent` is left out, and a `tracestate` that is too long or without one.
    """
    if not headers:
        return None
    kept: TraceHeaders = []
    for name, value in headers:
        if name == TRACEPARENT and value is not None and _match(value) is not None:
            kept.insert(0, (name, value))
        elif name == TRACESTATE and value and len(value) <= _MOST_STATE_BYTES:
            kept.append((name, value))
    return kept if kept and kept[0][0] == TRACEPARENT else None


def contexts(headers: Headers | None) -> Iterator[SpanContext]:
    """What each `traceparent` of a record names: a record of many attempts has many."""
    for name, value in headers or ():
        if name == TRACEPARENT and value is not None:
            found = context_of(value)
            if found is not None:
                yield found


def context_of(traceparent: bytes, tracestate: bytes | None = None) -> SpanContext | None:
    """None where it is none."""
    match = _match(traceparent)
    if match is None:
        return None
    state = None if tracestate is None else TraceState.from_header([tracestate.decode("latin-1")])
    return SpanContext(
        int(match[2], 16),
        int(match[3], 16),
        is_remote=True,
        trace_flags=TraceFlags(int(match[4], 16) & _SAMPLED),
        trace_state=state,
    )


def traceparent_of(context: SpanContext) -> str:
    """As a header says it."""
    sampled = int(context.trace_flags) & _SAMPLED
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{sampled:02x}"


def _match(value: bytes) -> re.Match[bytes] | None:
    match = _TRACEPARENT.fullmatch(value)
    if match is None or (match[1] == b"00" and match[5] is not None):
        return None
    return match
