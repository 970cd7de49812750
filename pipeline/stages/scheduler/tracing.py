"""A delivery's trace, from the attempt that failed to the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.trace import SpanKind

from pipeline.stages.span_attributes import of_delivery, processing
from pipeline.telemetry.spans import headers_below
from pipeline.telemetry.trace_context import trace_headers

if TYPE_CHECKING:
    from pipeline.domain.delivery import Delivery
    from pipeline.flow import Record
    from pipeline.telemetry.spans import Spans
    from pipeline.telemetry.trace_context import TraceHeaders


class PassingTraces:
    """One span for each delivery that goes back to its endpoint, and none for the tiers between."""

    def __init__(self, spans: Spans, *, group: str) -> None:
        self._spans = spans
        self._group = group

    def passed_on(self, record: Record, delivery: Delivery) -> TraceHeaders | None:
        """The headers that it goes back with."""
        place = self._spans.below(record.headers)
        if place is None:
            return trace_headers(record.headers)
        name = f"process {record.partition.topic}"
        span = place.start(name, kind=SpanKind.CONSUMER)
        span.attributes = processing(record, group=self._group) | of_delivery(delivery)
        span.end()
        return headers_below(span, record.headers)
