"""A schema registry over HTTP: Confluent's, Apicurio's (`/apis/ccompat/v7`), Karapace."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum, auto
from http import HTTPStatus
from typing import Final, NamedTuple, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from pipeline.adapters.kafka.wire_format import SchemaName
from pipeline.adapters.kafka.writer_schema import (
    MAX_SCHEMA_BYTES,
    UnusableSchema,
    WriterSchema,
    writer_schema,
)

_ANSWER_SECONDS: Final = 5.0
_MOST_ANSWER_BYTES: Final = 2 * MAX_SCHEMA_BYTES
"""Text within JSON."""
_MOST_REFERRED: Final = 100
_NOT_KNOWN: Final = frozenset({40401, 40402, 40403})
"""Subject, version, schema: what a registry itself answers, and no proxy before it."""
_CONTENT_TYPE: Final = "application/vnd.schemaregistry.v1+json"
_DIRECT: Final = ("all://127.0.0.1", "all://localhost")
_AVRO: Final = "AVRO"
_FIRST_REFUSAL: Final = 300

_T = TypeVar("_T")


class UnusableRegistry(ValueError):
    """The setting cannot be used; the text says which and why."""


class RegistryAway(Exception):
    """It did not say: not reachable, not allowed, or not what answers there. To be asked again."""

    def __init__(self, text: str, *, status: int | None = None) -> None:
        super().__init__(text)
        self.status = status
        """Of its answer; None where there was none."""


class RegistryRefused(Exception):
    """It answered, and it was no; the text says why."""


class UnknownSchema(Exception):
    """It has no such schema; it may have one later."""


class Holding(Enum):
    """What a subject has."""

    THIS = auto()
    """The schema that was asked for, in one of its versions."""
    ANOTHER = auto()
    """Schemas, and not that one."""
    NONE = auto()


class _Reference(msgspec.Struct, frozen=True):
    subject: str
    version: int


class _Schema(msgspec.Struct, frozen=True):
    schema: str
    schemaType: str | None = None  # noqa: N815 - the registry's name
    references: tuple[_Reference, ...] | None = None


class _Refusal(msgspec.Struct, frozen=True):
    error_code: int = 0
    message: str = ""


class _Registered(msgspec.Struct, frozen=True):
    id: int


class _Answer(NamedTuple):
    status: int
    body: bytes


class SchemaRegistry:
    """Keeps its connections; blocks, for threads. Follows no redirect.

    Raises:
        UnusableRegistry: the address is no http or https URL, or has the credentials in it.
    """

    def __init__(self, address: str, *, auth: str | None = None) -> None:
        url = _url_of(address)
        self._address = str(url).rstrip("/")
        self._client = httpx.Client(
            base_url=url,
            auth=_auth_of(auth),
            headers={"Accept": f"{_CONTENT_TYPE}, application/json"},
            timeout=_ANSWER_SECONDS,
            mounts=dict.fromkeys(_DIRECT),
        )

    def schema(self, name: SchemaName) -> WriterSchema:
        """A producer's schema, with the ones that it refers to.

        Raises:
            RegistryAway: it did not say.
            UnknownSchema: there is none of that name.
            UnusableSchema: it is not Avro, or nothing is read with it.
        """
        path = f"ids/{name.id}" if name.guid is None else f"guids/{name.guid}"
        found = self._found(f"/schemas/{path}")
        return writer_schema(found.schema, self._referred(found, set()))

    def register(self, subject: str, schema: str) -> bool:
        """The subject has the schema afterwards; False if it had it before.

        Raises:
            RegistryAway: it did not say.
            RegistryRefused: it does not take it, for it is not compatible perhaps.
        """
        content = msgspec.json.encode({"schema": schema, "schemaType": _AVRO})
        path = f"/subjects/{quote(subject, safe='')}"
        there = self._ask("POST", path, content)
        if there.status < _FIRST_REFUSAL:
            return False
        if _refusal(there).error_code not in _NOT_KNOWN:
            self._read(there, path, _Registered)
        answer = self._ask("POST", f"{path}/versions", content)
        if answer.status in {HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY}:
            raise RegistryRefused(f"the schema registry does not take {subject}: {_why(answer)}")
        self._read(answer, f"{path}/versions", _Registered)
        return True

    def holds(self, subject: str, schema: str) -> Holding:
        """Whether the subject has this schema; nothing is changed. Raises RegistryAway."""
        content = msgspec.json.encode({"schema": schema, "schemaType": _AVRO})
        path = f"/subjects/{quote(subject, safe='')}"
        there = self._ask("POST", path, content)
        if there.status < _FIRST_REFUSAL:
            self._read(there, path, _Registered)
            return Holding.THIS
        if _refusal(there).error_code not in _NOT_KNOWN:
            self._read(there, path, _Registered)
        latest = self._ask("GET", f"{path}/versions/latest")
        if _refusal(latest).error_code in _NOT_KNOWN:
            return Holding.NONE
        self._read(latest, f"{path}/versions/latest", _Schema)
        return Holding.ANOTHER

    def close(self) -> None:
        self._client.close()

    def _referred(self, schema: _Schema, seen: set[_Reference]) -> Iterator[str]:
        """What it needs, the deepest first."""
        for reference in schema.references or ():
            if reference in seen:
                continue
            if len(seen) == _MOST_REFERRED:
                raise UnusableSchema(f"it refers to more than {_MOST_REFERRED} others")
            seen.add(reference)
            subject = quote(reference.subject, safe="")
            found = self._found(f"/subjects/{subject}/versions/{reference.version}")
            yield from self._referred(found, seen)
            yield found.schema

    def _found(self, path: str) -> _Schema:
        answer = self._ask("GET", path)
        if answer.status == HTTPStatus.NOT_FOUND and _refusal(answer).error_code in _NOT_KNOWN:
            raise UnknownSchema(f"the schema registry does not know it ({_why(answer)})")
        found = self._read(answer, path, _Schema)
        kind = found.schemaType or _AVRO
        if kind != _AVRO:
            raise UnusableSchema(f"it is {kind[:40]!r}, and only Avro is read")
        return found

    def _read(self, answer: _Answer, path: str, kind: type[_T]) -> _T:
        if answer.status >= _FIRST_REFUSAL:
            text = f"{self._address}{path}: {_why(answer)}"
            raise RegistryAway(text, status=answer.status)
        try:
            return msgspec.json.decode(answer.body, type=kind)
        except (msgspec.MsgspecError, RecursionError) as exc:
            raise RegistryAway(
                f"{self._address}{path}: not a schema registry's answer: {exc}"
            ) from exc

    def _ask(self, method: str, path: str, content: bytes | None = None) -> _Answer:
        headers = {} if content is None else {"Content-Type": _CONTENT_TYPE}
        body = bytearray()
        try:
            with self._client.stream(method, path, content=content, headers=headers) as answer:
                for piece in answer.iter_bytes():
                    body += piece
                    if len(body) > _MOST_ANSWER_BYTES:
                        raise UnusableSchema(f"it has more than {MAX_SCHEMA_BYTES} bytes")
                return _Answer(answer.status_code, bytes(body))
        except httpx.HTTPError as exc:
            text = str(exc) or type(exc).__name__
            raise RegistryAway(f"{self._address}: {text}") from exc


def _url_of(address: str) -> httpx.URL:
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL as exc:
        raise UnusableRegistry(f"PIPELINE_KAFKA__SCHEMA_REGISTRY: {exc}") from exc
    if url.scheme not in {"http", "https"} or not url.host:
        raise UnusableRegistry(
            f"PIPELINE_KAFKA__SCHEMA_REGISTRY: {address!a} is no address: write http://host:8081"
        )
    if url.userinfo:
        raise UnusableRegistry(
            "PIPELINE_KAFKA__SCHEMA_REGISTRY: there are credentials in it: put them, as "
            "user:password, into PIPELINE_KAFKA__SCHEMA_REGISTRY_AUTH"
        )
    return url


def _auth_of(auth: str | None) -> tuple[str, str] | None:
    if auth is None:
        return None
    user, colon, password = auth.partition(":")
    if not user or not colon:
        raise UnusableRegistry("PIPELINE_KAFKA__SCHEMA_REGISTRY_AUTH: write user:password")
    return user, password


def _refusal(answer: _Answer) -> _Refusal:
    try:
        return msgspec.json.decode(answer.body, type=_Refusal)
    except (msgspec.MsgspecError, RecursionError):
        return _Refusal()


def _why(answer: _Answer) -> str:
    message = _refusal(answer).message
    return f"{answer.status} {message[:200]}" if message else f"it answered {answer.status}"
