"""Spans join the producer's trace, and pass it on."""

from __future__ import annotations

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from pipeline.telemetry.spans import Spans

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"
HEADERS = [("traceparent", PARENT.encode()), ("other", b"x"), ("nothing", None)]


def collecting() -> tuple[Spans, InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return Spans(provider.get_tracer("test")), exporter


def test_a_span_is_a_child_of_the_producers() -> None:
    spans, exporter = collecting()
    assert spans.is_collecting
    span = spans.start("route", HEADERS, attributes={"event.id": "1"})
    assert span is not None
    span.end()
    (finished,) = exporter.get_finished_spans()
    assert finished.parent is not None
    assert f"{finished.parent.trace_id:032x}" == TRACE


def test_what_follows_is_a_child_of_the_span() -> None:
    spans, _ = collecting()
    span = spans.start("route", HEADERS, attributes={})
    assert span is not None
    below = dict(spans.headers_below(span, HEADERS) or ())
    assert below["traceparent"].decode().split("-")[1] == TRACE
    assert below["traceparent"].decode().split("-")[2] == f"{span.get_span_context().span_id:016x}"


def test_without_a_collector_the_producers_trace_is_passed_on_as_it_is() -> None:
    spans = Spans(None)
    assert not spans.is_collecting
    assert spans.start("route", HEADERS, attributes={}) is None
    assert spans.headers_below(None, HEADERS) == [("traceparent", PARENT.encode())]
    assert spans.headers_below(None, [("other", b"x")]) is None
