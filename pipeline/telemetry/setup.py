"""The OpenTelemetry SDK of one process: metrics for `/metrics`, and all of it for a collector."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource

from pipeline.clock import now_ns
from pipeline.telemetry import instruments
from pipeline.telemetry.spans import Spans, SpanSink
from pipeline.telemetry.tally import Fact, Instrument, Tally, Value

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricReader

    from pipeline.telemetry.collector import Collector

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
    """What this process measures with."""

    meters: MeterProvider
    collector: Collector | None
    spans: Spans

    def observe(self, gauges: Mapping[Fact, Gauge]) -> None:
        """Export these too; each is asked on the exporter's thread."""
        meter = self.meters.get_meter(SCOPE)
        for fact, gauge in gauges.items():
            meter.create_observable_gauge(
                fact.name, [_gauge(gauge)], unit=fact.unit, description=fact.meaning
            )

    def close(self) -> None:
        """Send what is left, within the exporters' own time-outs."""
        self.meters.shutdown()
        if self.collector is not None:
            self.collector.traces.shutdown()


def start_telemetry(
    target: TelemetryTarget, tally: Tally, *, gauges: Mapping[Fact, Gauge]
) -> Telemetry:
    """Export the tally and these gauges, which are facts of the stage."""
    resource = Resource.create(
        {"service.name": f"pipeline-{target.stage}", "service.instance.id": target.instance}
    )
    collector = _collector(target, resource)
    readers: list[MetricReader] = [PrometheusMetricReader(disable_target_info=True)]
    if collector is not None:
        readers.append(collector.metrics)
    meters = MeterProvider(metric_readers=readers, resource=resource)
    meter = meters.get_meter(SCOPE)
    for instrument in _declared():
        meter.create_observable_counter(
            instrument.name,
            [_counter(tally, instrument)],
            unit=instrument.unit,
            description=instrument.meaning,
        )
    sink = None if collector is None else SpanSink(collector.keep, now_ns)
    spans = Spans(sink, sample_ratio=target.sample_ratio)
    telemetry = Telemetry(meters, collector, spans)
    telemetry.observe(gauges)
    return telemetry


def _collector(target: TelemetryTarget, resource: Resource) -> Collector | None:
    if target.otlp_endpoint is None:
        return None
    # Its exporters take a tenth of a second to load, which most processes need not wait for.
    module = import_module("pipeline.telemetry.collector")
    return module.connect_collector(target.otlp_endpoint, resource, scope=SCOPE)


def _declared() -> Iterable[Instrument]:
    return (value for value in vars(instruments).values() if isinstance(value, Instrument))


def _counter(
    tally: Tally, instrument: Instrument
) -> Callable[[CallbackOptions], list[Observation]]:
    def observe(_: CallbackOptions) -> list[Observation]:
        counts = tally.read(instrument)
        attribute = instrument.attribute
        return [
            Observation(count, _attributes(attribute, value)) for value, count in counts.items()
        ]

    return observe


def _attributes(names: str | tuple[str, ...] | None, values: Value) -> dict[str, str]:
    if names is None:
        return {}
    if isinstance(names, str) and isinstance(values, str):
        return {names: values}
    return dict(zip(names, values, strict=True))


def _gauge(gauge: Gauge) -> Callable[[CallbackOptions], list[Observation]]:
    return lambda _: [Observation(gauge())]
