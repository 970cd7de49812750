"""A real OTLP collector on loopback: takes spans over HTTP, decodes and remembers them."""

from __future__ import annotations

import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass(frozen=True)
class Collected:
    """One span as it came, with ids in hexadecimal."""

    service: str
    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    status: str
    attributes: Mapping[str, str | int]
    start_ns: int
    end_ns: int

    @property
    def traceparent(self) -> str:
        """Of what follows it."""
        return f"00-{self.trace_id}-{self.span_id}-01"


@dataclass
class OtlpCollector:
    """What has come so far."""

    address: str = ""
    spans: list[Collected] = field(default_factory=list[Collected])

    def of_trace(self, trace_id: str) -> list[Collected]:
        """In the order in which they began."""
        found = [span for span in self.spans if span.trace_id == trace_id]
        return sorted(found, key=lambda span: span.start_ns)

    def take(self, body: bytes) -> None:
        """One request of an exporter."""
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = str(_plain(resource.resource.attributes)["service.name"])
            for scope in resource.scope_spans:
                self.spans += [_collected(service, span) for span in scope.spans]


def _collected(service: str, span: Span) -> Collected:
    return Collected(
        service=service,
        name=span.name,
        kind=Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        status={0: "", 1: "ok", 2: "error"}[span.status.code],
        attributes=_plain(span.attributes),
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
    )


def _plain(attributes: object) -> dict[str, str | int]:
    found: dict[str, str | int] = {}
    for each in attributes:  # pyright: ignore[reportGeneralTypeIssues, reportUnknownVariableType] - protobuf's containers have no type
        assert isinstance(each, KeyValue)
        is_text = each.value.WhichOneof("value") == "string_value"
        found[each.key] = each.value.string_value if is_text else each.value.int_value
    return found


@contextmanager
def collecting_otlp() -> Generator[OtlpCollector]:
    """It listens until the block is left."""
    collector = OtlpCollector()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/v1/traces":
                collector.take(body)
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    collector.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
