"""Metrics and traces to a collector, over OTLP and HTTP."""

from __future__ import annotations

from typing import NamedTuple

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased


class Collector(NamedTuple):
    """Where this process's telemetry goes beside `/metrics`."""

    metrics: MetricReader
    traces: TracerProvider


def connect_collector(endpoint: str, resource: Resource, *, sample_ratio: float) -> Collector:
    """`sample_ratio` is the share of traces kept where the producer has not decided."""
    base = endpoint.rstrip("/")
    traces = TracerProvider(resource=resource, sampler=ParentBased(TraceIdRatioBased(sample_ratio)))
    traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{base}/v1/traces")))
    metrics = PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=f"{base}/v1/metrics"))
    return Collector(metrics, traces)
