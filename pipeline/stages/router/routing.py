"""What an event becomes: a delivery for each endpoint that asked for it, or a dead letter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.trace import SpanKind

from pipeline.domain.delivery import Reason
from pipeline.ports import Oversize, Undecodable
from pipeline.stages.router.fan_out import FanOut, RoutedCounts
from pipeline.stages.span_attributes import of_event, processing
from pipeline.telemetry.instruments import DELIVERIES_CREATED, EVENTS_ROUTED
from pipeline.telemetry.spans import headers_below

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.domain.event import Event
    from pipeline.flow import Record
    from pipeline.stages.router.routing_ports import Routed, RoutingPorts
    from pipeline.telemetry.spans import OpenSpan


class Routing:
    """Makes what is to be produced of each event."""

    def __init__(self, ports: RoutingPorts) -> None:
        self._ports = ports
        self._counts = RoutedCounts()

    def count(self) -> None:
        """Tell the tally what was routed since the last time: after a batch, not for each event."""
        tally, counts = self._ports.tally, self._counts
        tally.add(EVENTS_ROUTED, "matched", amount=counts.matched)
        tally.add(EVENTS_ROUTED, "unmatched", amount=counts.unmatched)
        tally.add(DELIVERIES_CREATED, amount=counts.deliveries)
        counts.matched = counts.unmatched = counts.deliveries = 0

    def routed(self, record: Record) -> Iterator[Routed]:
        """Each is made when it is asked for, for all of them may be too many to hold."""
        ports = self._ports
        try:
            event = ports.records.decode_event(record)
        except Undecodable as error:
            ports.tally.add(EVENTS_ROUTED, "undecodable")
            reason = Reason.OVERSIZE if isinstance(error, Oversize) else Reason.UNDECODABLE
            return iter(((ports.dead.of_record(record, reason, error=str(error)), None),))
        fan_out = FanOut(ports, record, event, counts=self._counts)
        if record.headers or ports.spans.is_collecting:
            return self._traced(record, event, fan_out)
        return fan_out.emits(None)

    def _traced(self, record: Record, event: Event, fan_out: FanOut) -> Iterator[Routed]:
        span = self._span(record, event)
        yield from fan_out.emits(headers_below(span, record.headers))
        if span is not None:
            span.end()

    def _span(self, record: Record, event: Event) -> OpenSpan | None:
        spans = self._ports.spans
        place = spans.below_or_new(record.headers)
        if place is None:
            return None
        span = place.start(f"process {record.partition.topic}", kind=SpanKind.CONSUMER)
        span.attributes = processing(record, group=self._ports.group) | of_event(event)
        return span
