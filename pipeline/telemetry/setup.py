"""The OpenTelemetry SDK of one process.

Metrics to `/metrics` and, where a collector is set, over OTLP.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

from pipeline.telemetry import instruments
from pipeline.telemetry.tally import Instrument, Tally

Gauge = Callable[[], float]
SCOPE = "pipeline"


@dataclass(frozen=True, slots=True)
class TelemetryTarget:
    """Who reports, and where to."""

    stage: str
    instance: str
    otlp_endpoint: str | None
    sample_ratio: float


@dataclass(frozen=True, slots=True)
class Telemetry:
    """The process's providers."""

    meters: MeterProvider
    tracer: trace.Tracer
    traces: TracerProvider

    def close(self) -> None:
        """Send what is left, within the exporters' own time-outs."""
        self.meters.shutdown()
        self.traces.shutdown()


def start_telemetry(
    target: TelemetryTarget, tally: Tally, *, gauges: dict[str, Gauge]
) -> Telemetry:
    """Export the tally and these gauges (facts of the stage, by metric name)."""
    resource = Resource.create(
        {"service.name": f"pipeline-{target.stage}", "service.instance.id": target.instance}
    )
    readers: list[MetricReader] = [PrometheusMetricReader(disable_target_info=True)]
    traces = TracerProvider(
        resource=resource, sampler=ParentBased(TraceIdRatioBased(target.sample_ratio))
    )
    if target.otlp_endpoint is not None:
        base = target.otlp_endpoint.rstrip("/")
        readers.append(
            PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=f"{base}/v1/metrics"))
        )
        traces.add_span_processor(
            BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{base}/v1/traces"))
        )
    meters = MeterProvider(metric_readers=readers, resource=resource)
    meter = meters.get_meter(SCOPE)
    for instrument in _declared():
        meter.create_observable_counter(
            instrument.name,
            [_counter(tally, instrument)],
            unit=instrument.unit,
            description=instrument.meaning,
        )
    for name, gauge in gauges.items():
        meter.create_observable_gauge(name, [_gauge(gauge)])
    return Telemetry(meters, traces.get_tracer(SCOPE), traces)


def _declared() -> Iterable[Instrument]:
    return (value for value in vars(instruments).values() if isinstance(value, Instrument))


def _counter(
    tally: Tally, instrument: Instrument
) -> Callable[[CallbackOptions], list[Observation]]:
    def observe(_: CallbackOptions) -> list[Observation]:
        counts = tally.read(instrument)
        attribute = instrument.attribute
        if attribute is None:
            return [Observation(count) for count in counts.values()]
        return [Observation(count, {attribute: value}) for value, count in counts.items()]

    return observe


def _gauge(gauge: Gauge) -> Callable[[CallbackOptions], list[Observation]]:
    return lambda _: [Observation(gauge())]
