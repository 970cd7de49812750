"""Spans along the way of an event, below the producer's own. Without a collector nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from opentelemetry.trace import SpanKind, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

TRACE_HEADERS = frozenset({"traceparent", "tracestate"})
Headers = Sequence[tuple[str, bytes | None]]


class Spans:
    """Starts spans whose parent is named in a record's headers; no tracer, no spans, no cost."""

    def __init__(self, tracer: Tracer | None) -> None:
        self._tracer = tracer
        self._propagator = TraceContextTextMapPropagator()

    @property
    def is_collecting(self) -> bool:
        """False where `start` answers None, so that nobody need make what a span would hold."""
        return self._tracer is not None

    def start(
        self, name: str, headers: Headers | None, *, attributes: Mapping[str, str | int]
    ) -> Span | None:
        """None where nobody collects; end what is answered."""
        if self._tracer is None:
            return None
        carrier = {key: value.decode("latin-1") for key, value in trace_headers(headers) or ()}
        parent = self._propagator.extract(carrier)
        return self._tracer.start_span(
            name, context=parent, kind=SpanKind.CONSUMER, attributes=dict(attributes)
        )

    def headers_below(
        self, span: Span | None, headers: Headers | None
    ) -> list[tuple[str, bytes]] | None:
        """Record headers that make what follows a child of the span, or of its own parent."""
        if span is None:
            return trace_headers(headers)
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier, set_span_in_context(span))
        return [(key, value.encode()) for key, value in carrier.items()]


def trace_headers(headers: Headers | None) -> list[tuple[str, bytes]] | None:
    """Those of a record's headers that name its trace; None where there are none."""
    if not headers:
        return None
    kept = [(name, value) for name, value in headers if name in TRACE_HEADERS and value]
    return kept or None
