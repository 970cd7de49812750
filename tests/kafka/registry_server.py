"""A schema registry for tests, as far as ours is asked: the protocol, in one process's memory.

It is none of the real ones, one of which `test_real_schema_registry.py` asks: routes, members,
status and error codes are those of the REST API that Confluent documents (API version 1) and that
Apicurio and Karapace copy.
"""

from __future__ import annotations

import base64
import json
import threading
import uuid
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any

from fastavro import (
    parse_schema,
    schemaless_writer,  # pyright: ignore[reportUnknownVariableType] - IO without its type
)

CONTACT: dict[str, Any] = {
    "type": "record",
    "name": "Contact",
    "namespace": "crm",
    "fields": [
        {"name": "tenant", "type": "string"},
        {"name": "id", "type": "long"},
        {"name": "changed_at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "name", "type": ["null", "string"], "default": None},
    ],
}


@dataclass
class Registry:
    """What it knows, and how it stands."""

    schemas: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    subjects: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    guids: dict[str, int] = field(default_factory=dict[str, int])
    asked: list[str] = field(default_factory=list[str])
    away: int | None = None
    """Answers with this status and nothing of its own."""
    refuses: bool = False
    credentials: str | None = None
    address: str = ""

    def add(self, schema: object, **members: object) -> int:
        """The id of a schema that a producer has registered."""
        text = schema if isinstance(schema, str) else json.dumps(schema)
        self.schemas.append({"schema": text, **members})
        self.guids[str(uuid.UUID(int=len(self.schemas)))] = len(self.schemas)
        return len(self.schemas)

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, object]:
        if self.away is not None:
            self.asked.append("away")
            return self.away, b"<html>"
        self.asked.append(f"{method} {path}")
        match [method, *path.strip("/").split("/")]:
            case ["GET", "schemas", "ids", number]:
                found = self._schema(int(number))
            case ["GET", "schemas", "guids", guid]:
                found = self._schema(self.guids.get(guid, 0))
            case ["GET", "subjects", subject, "versions", "latest"]:
                found = self._version(subject, len(self.subjects.get(subject, [])))
            case ["GET", "subjects", subject, "versions", version]:
                found = self._version(subject, int(version))
            case ["POST", "subjects", subject]:
                found = self._known(subject, json.loads(body)["schema"])
            case ["POST", "subjects", subject, "versions"]:
                found = self._registered(subject, json.loads(body)["schema"])
            case _:
                found = 404, {"error_code": 404, "message": "HTTP 404 Not Found"}
        return found

    def _version(self, subject: str, version: int) -> tuple[int, object]:
        ids = self.subjects.get(subject, [])
        if not ids:
            return 404, {"error_code": 40401, "message": f"Subject '{subject}' not found."}
        if len(ids) < version:
            return 404, {"error_code": 40402, "message": "Version not found."}
        return self._schema(ids[version - 1])

    def _registered(self, subject: str, text: str) -> tuple[int, object]:
        if self.refuses:
            return 409, {"error_code": 409, "message": "Schema is not compatible"}
        number = self.add(text)
        self.subjects.setdefault(subject, []).append(number)
        return 200, {"id": number}

    def _schema(self, number: int) -> tuple[int, object]:
        if not 0 < number <= len(self.schemas):
            return 404, {"error_code": 40403, "message": "Schema not found"}
        return 200, self.schemas[number - 1]

    def _known(self, subject: str, text: str) -> tuple[int, object]:
        for number in self.subjects.get(subject, []):
            if self.schemas[number - 1]["schema"] == text:
                return 200, {"subject": subject, "id": number, "version": 1, "schema": text}
        if subject in self.subjects:
            return 404, {"error_code": 40403, "message": "Schema not found"}
        return 404, {"error_code": 40401, "message": f"Subject '{subject}' not found."}


@contextmanager
def running_registry(port: int = 0, **state: Any) -> Generator[Registry]:
    """It answers until the end of the block."""
    registry = Registry(**state)
    server = ThreadingHTTPServer(("127.0.0.1", port), _handler_of(registry))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    registry.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield registry
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler_of(registry: Registry) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if _is_let_in(registry, self.headers.get("Authorization")):
                status, content = registry.answer(self.command, self.path, body)
            else:
                status, content = 401, {"error_code": 40101, "message": "Unauthorized"}
            text = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            """Not worth a line each."""

    return Handler


def _is_let_in(registry: Registry, authorization: str | None) -> bool:
    if registry.credentials is None:
        return True
    wanted = base64.b64encode(registry.credentials.encode()).decode()
    return authorization == f"Basic {wanted}"


def avro(schema: Mapping[str, Any], record: Mapping[str, Any]) -> bytes:
    """The record alone."""
    stream = BytesIO()
    schemaless_writer(stream, parse_schema(dict(schema)), record)
    return stream.getvalue()


def written_by_id(number: int, content: bytes) -> bytes:
    """Version 0 of the wire format."""
    return b"\0" + number.to_bytes(4) + content


def guid_of(number: int) -> bytes:
    """Version 1 of the wire format's name for a schema."""
    return b"\1" + uuid.UUID(int=number).bytes
