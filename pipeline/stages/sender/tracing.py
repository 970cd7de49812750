"""Attempts as spans, and the trace that goes on with a request and with what follows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from opentelemetry.trace import SpanKind

from pipeline.domain.delivery import Outcome
from pipeline.stages.span_attributes import (
    ADDRESS,
    DECISION,
    ERROR,
    STATUS,
    of_delivery,
    posting,
)
from pipeline.telemetry.spans import headers_below
from pipeline.telemetry.trace_context import TRACEPARENT

if TYPE_CHECKING:
    from pipeline.domain.verdict import Verdict
    from pipeline.flow import Record
    from pipeline.ports import Sent
    from pipeline.stages.sender.lane import Item
    from pipeline.stages.sender.recipient import Recipient
    from pipeline.telemetry.spans import OpenSpan, Spans
    from pipeline.telemetry.trace_context import TraceHeaders

_MAIL: Final = "send mail"


class AttemptTrace:
    """The trace of one attempt whose delivery has one; sampled or not."""

    __slots__ = ("_is_request", "_span", "headers")

    def __init__(self, spans: Spans, item: Item, recipient: Recipient) -> None:
        self._is_request = recipient.endpoint.email is None
        self._span = _started(spans, item, recipient)
        self.headers: TraceHeaders | None = headers_below(self._span, item.record.headers)
        """Of the records that come of the attempt."""

    @property
    def request_headers(self) -> tuple[tuple[str, str], ...]:
        """What a request carries of it. `tracestate` stays here: it is between our own systems."""
        if not self._is_request or self.headers is None:
            return ()
        return ((TRACEPARENT, self.headers[0][1].decode("ascii")),)

    def end(self, sent: Sent, verdict: Verdict) -> None:
        """Say what the attempt gave, if somebody collects that."""
        span = self._span
        if span is None:
            return
        span.attributes[DECISION] = verdict.decision.value
        if sent.status is not None and self._is_request:
            span.attributes[STATUS] = sent.status
        if sent.address is not None:
            span.attributes[ADDRESS] = sent.address
        if sent.outcome is not Outcome.ACCEPTED:
            error = sent.outcome.value if sent.status is None else str(sent.status)
            span.attributes[ERROR] = error
            span.is_error = True
        span.end()


def trace_of(spans: Spans, item: Item, recipient: Recipient) -> AttemptTrace | None:
    """None where the delivery has no trace, as nearly all have none."""
    return None if item.record.headers is None else AttemptTrace(spans, item, recipient)


def traced_record(record: Record, trace: AttemptTrace | None) -> Record:
    """The record as the attempt leaves it: what is made of it now comes after the attempt."""
    if trace is None:
        return record
    kept: list[tuple[str, bytes | None]] | None = (
        None if trace.headers is None else [*trace.headers]
    )
    return record._replace(headers=kept)


def _started(spans: Spans, item: Item, recipient: Recipient) -> OpenSpan | None:
    place = spans.below(item.record.headers)
    if place is None:
        return None
    delivery, url = item.delivery, recipient.endpoint.url
    is_request = recipient.endpoint.email is None and url is not None
    span = place.start("POST" if is_request else _MAIL, kind=SpanKind.CLIENT)
    span.attributes = of_delivery(delivery)
    if url is not None and is_request:
        span.attributes |= posting(url, attempt=delivery.attempt)
    return span
