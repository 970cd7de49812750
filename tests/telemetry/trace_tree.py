"""A trace as a tree of text, for a failing test and for the README."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from tests.telemetry.otlp_collector import Collected

_SHOWN: Final = (
    *("server.address", "http.response.status_code", "http.request.resend_count"),
    *("pipeline.event.type", "pipeline.attempt", "pipeline.decision"),
)


def trace_tree(spans: Sequence[Collected], *, prefix: str = "") -> str:
    """A line for each span, below its parent; milliseconds since the first began, and how long."""
    began_ns = min(span.start_ns for span in spans)
    known = {span.span_id for span in spans}
    roots = [span for span in spans if span.parent_id not in known]
    lines = [line for root in roots for line in _lines(root, spans, began_ns, depth=0)]
    return "\n".join(lines).replace(prefix, "webhooks.") if prefix else "\n".join(lines)


def _lines(
    span: Collected, spans: Sequence[Collected], began_ns: int, *, depth: int
) -> Iterator[str]:
    at_ms, lasted_ms = (span.start_ns - began_ns) / 1e6, (span.end_ns - span.start_ns) / 1e6
    shown = ", ".join(
        f"{name.rpartition('.')[2]} {span.attributes[name]}"
        for name in _SHOWN
        if name in span.attributes
    )
    name = f"{'   ' * depth}{span.service.removeprefix('pipeline-')}: {span.name}"
    error = ", error" if span.status == "error" else ""
    yield f"{at_ms:8.1f} {lasted_ms:6.1f}  {name} ({span.kind.lower()}{error}) {shown}".rstrip()
    for child in sorted(spans, key=lambda each: each.start_ns):
        if child.parent_id == span.span_id:
            yield from _lines(child, spans, began_ns, depth=depth + 1)
