"""Metrics and traces to a collector, over OTLP and HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Status, StatusCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.resources import Resource

    from pipeline.telemetry.spans import OpenSpan

_MOST_WAITING: Final = 32_768
"""Spans for the collector, some 30 MiB; what comes while so many wait pushes out the oldest."""
_SENT_TOGETHER: Final = 1_024
_FINE: Final = Status(StatusCode.UNSET)
_FAILED: Final = Status(StatusCode.ERROR)


class Collector(NamedTuple):
    """Where this process's telemetry goes beside `/metrics`."""

    metrics: MetricReader
    traces: SpanProcessor
    keep: Callable[[OpenSpan], None]


def connect_collector(endpoint: str, resource: Resource, *, scope: str) -> Collector:
    """Every span is sent: `Spans` makes none of what is not sampled."""
    base = endpoint.rstrip("/")
    traces = BatchSpanProcessor(
        OTLPSpanExporter(endpoint=f"{base}/v1/traces"),
        max_queue_size=_MOST_WAITING,
        max_export_batch_size=_SENT_TOGETHER,
    )
    metrics = PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=f"{base}/v1/metrics"))
    return Collector(metrics, traces, keeping(traces, resource, scope=scope))


def keeping(
    processor: SpanProcessor, resource: Resource, *, scope: str
) -> Callable[[OpenSpan], None]:
    """What hands our spans to one of the SDK's processors."""
    its_scope = InstrumentationScope(scope)

    def keep(span: OpenSpan) -> None:
        processor.on_end(
            ReadableSpan(
                span.name,
                span.context,
                span.parent,
                resource,
                span.attributes,
                kind=span.kind,
                status=_FAILED if span.is_error else _FINE,
                start_time=span.started_at_ns,
                end_time=span.ended_at_ns,
                instrumentation_scope=its_scope,
            )
        )

    return keep
