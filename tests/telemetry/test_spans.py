"""Spans join the producer's trace, and pass it on; nothing is made of what nobody samples."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from pipeline.clock import now_ns
from pipeline.telemetry.collector import keeping
from pipeline.telemetry.spans import Spans, SpanSink, headers_below, sampled_traceparents
from pipeline.telemetry.trace_context import Headers, trace_headers

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"
UNSAMPLED = f"00-{TRACE}-b7ad6b7169203331-00"
HEADERS = [("traceparent", PARENT.encode()), ("other", b"x"), ("nothing", None)]


def collecting(
    *, sample_ratio: float = 1.0, drawn: float = 0.5
) -> tuple[Spans, InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    keep = keeping(SimpleSpanProcessor(exporter), Resource({}), scope="test")
    sink = SpanSink(keep, now_ns)
    return Spans(sink, sample_ratio=sample_ratio, draw=lambda: drawn), exporter


def parent_of(value: str) -> Headers:
    return [("traceparent", value.encode())]


def test_a_span_is_a_child_of_the_producers() -> None:
    spans, exporter = collecting()
    assert spans.is_collecting
    place = spans.below(HEADERS)
    assert place is not None
    span = place.start("route", kind=SpanKind.CONSUMER)
    span.end()
    (finished,) = exporter.get_finished_spans()
    assert finished.parent is not None
    assert f"{finished.parent.trace_id:032x}" == TRACE
    assert finished.parent.is_remote


def test_what_follows_is_a_child_of_the_span_and_keeps_the_vendors_state() -> None:
    spans, _ = collecting()
    headers: Headers = [*HEADERS, ("tracestate", b"vendor=1,other=2")]
    place = spans.below(headers)
    assert place is not None
    span = place.start("route", kind=SpanKind.CONSUMER)
    below = dict(headers_below(span, headers) or ())
    own = f"{span.context.span_id:016x}"
    assert below["traceparent"].decode() == f"00-{TRACE}-{own}-01"
    assert below["tracestate"] == b"vendor=1,other=2"


def test_without_a_collector_the_producers_trace_is_passed_on_as_it_is() -> None:
    spans = Spans(None)
    assert not spans.is_collecting
    assert spans.below(HEADERS) is None
    assert spans.below_or_new(HEADERS) is None
    assert headers_below(None, HEADERS) == [("traceparent", PARENT.encode())]
    assert headers_below(None, [("other", b"x")]) is None


def test_a_producer_who_decided_against_it_is_obeyed_and_the_trace_goes_on() -> None:
    spans, _ = collecting()
    assert spans.below_or_new(parent_of(UNSAMPLED)) is None
    assert headers_below(None, parent_of(UNSAMPLED)) == parent_of(UNSAMPLED)


@pytest.mark.parametrize(("drawn", "is_traced"), [(0.24, True), (0.25, False)])
def test_the_router_traces_a_share_of_what_nobody_decided(drawn: float, *, is_traced: bool) -> None:
    spans, _ = collecting(sample_ratio=0.25, drawn=drawn)
    assert (spans.below_or_new(None) is not None) is is_traced
    assert spans.below(None) is None  # later stages decide nothing


def test_a_trace_of_its_own_has_no_parent() -> None:
    spans, exporter = collecting()
    place = spans.below_or_new([("other", b"x")])
    assert place is not None
    assert place.parent is None
    span = place.start("route", kind=SpanKind.CONSUMER)
    span.end()
    assert exporter.get_finished_spans()[0].parent is None


@pytest.mark.parametrize(
    "value",
    [
        "",
        "x",
        PARENT.upper(),
        f"{PARENT}\r\nx: y",
        f"{PARENT}-more",
        f"ff-{TRACE}-b7ad6b7169203331-01",
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-{TRACE}-{'0' * 16}-01",
    ],
)
def test_what_is_no_traceparent_is_passed_on_to_nobody(value: str) -> None:
    spans, _ = collecting()
    headers: Headers = [("tracestate", b"a=b"), ("traceparent", value.encode())]
    assert trace_headers(headers) is None
    assert spans.below(headers) is None


def test_a_later_version_of_the_header_is_read() -> None:
    later = f"01-{TRACE}-b7ad6b7169203331-01-more"
    spans, _ = collecting()
    assert spans.below(parent_of(later)) is not None


def test_a_state_that_is_too_long_is_left_out() -> None:
    assert trace_headers([*HEADERS, ("tracestate", b"a=" + b"b" * 511)]) == HEADERS[:1]


def test_of_many_traces_each_that_is_sampled_gets_its_span() -> None:
    spans, _ = collecting()
    other = PARENT.replace("0af7", "0af8")
    together = [*parent_of(PARENT), *parent_of(UNSAMPLED), *parent_of(other)]
    assert len(spans.each_below(together)) == 2
    assert sampled_traceparents([(name, value or b"") for name, value in together]) == [
        *parent_of(PARENT),
        *parent_of(other),
    ]
