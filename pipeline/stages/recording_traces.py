"""The last span of an attempt's trace, and of a dead letter's: it is in the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.trace import SpanKind

from pipeline.stages.span_attributes import BATCH, processing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipeline.flow import Record
    from pipeline.telemetry.spans import Spans


class RecordingTraces:
    """A record holds many attempts, each of a trace of its own: so one span for each of those."""

    def __init__(self, spans: Spans, *, group: str, now_ns: Callable[[], int]) -> None:
        self._spans = spans
        self._group = group
        self.now_ns = now_ns

    def written(self, traced: Sequence[Record], began_at_ns: int, *, records: int) -> None:
        """They are in the store, by a transaction of so many records that began then."""
        for record in traced:
            places = self._spans.each_below(record.headers)
            attributes = processing(record, group=self._group) | {BATCH: records}
            name = f"process {record.partition.topic}"
            for place in places:
                span = place.start(name, kind=SpanKind.CONSUMER)
                span.started_at_ns = began_at_ns
                span.attributes = attributes
                span.end()
