"""JSON Schemas of event types: compiled once, and kept for as long as the type has them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any, Final

import jsonschema_rs
import msgspec

from pipeline.api.problems import FieldError
from pipeline.api.store_work import in_thread
from pipeline.domain.document import below
from pipeline.ports import StoreFailed
from pipeline.registry import EventType, Registry

log = logging.getLogger(__name__)

REFRESH_SECONDS: Final = 2.0
MOST_ERRORS: Final = 20
"""As many are told of one event."""
MAX_SCHEMA_BYTES: Final = 256 * 1024
_MAX_TEXT_CHARS: Final = 300
_PAGE: Final = 500
_DATA: Final = "/data"
# Patterns match in linear time, however they are written, and are small once compiled.
_PATTERNS: Final = jsonschema_rs.RegexOptions(size_limit=1 << 20, dfa_size_limit=1 << 20)


class InvalidSchema(ValueError):
    """A JSON Schema cannot be used; the message says why."""


Validator = jsonschema_rs.Draft202012Validator


def compiled_schema(schema: str) -> Validator:
    """What checks data against a JSON Schema (2020-12). Nothing is fetched for it, from nowhere.

    Raises:
        InvalidSchema: it is no JSON, no schema, refers to what it does not contain, or is too long.
    """
    if len(schema.encode()) > MAX_SCHEMA_BYTES:
        raise InvalidSchema(f"too long: at most {MAX_SCHEMA_BYTES} bytes are taken")
    try:
        document: Any = msgspec.json.decode(schema)
        return Validator(document, offline=True, pattern_options=_PATTERNS)
    except (msgspec.DecodeError, RecursionError) as exc:
        raise InvalidSchema(f"not JSON: {exc}") from exc
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as exc:
        raise InvalidSchema(_shortened(str(exc))) from exc


class EventSchemas:
    """The schemas of all event types, as the store had them at most 2 s ago.

    While the store is away they stay as they were.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._types: dict[str, tuple[str, Validator | None]] = {}

    async def follow(self) -> None:
        """For ever."""
        while True:
            await self.refresh()
            await asyncio.sleep(REFRESH_SECONDS)

    async def refresh(self) -> None:
        """As the store has them now, if it answers."""
        try:
            self._types = await in_thread(self._read)
        except StoreFailed as exc:
            log.debug("the schemas of event types stay as they were: %s", exc)

    def errors_of(self, event_type: str, data: bytes) -> list[FieldError]:
        """What is wrong with an event's data by the schema of its type; pointers begin with /data.

        Nothing where the type has no schema.
        """
        known = self._types.get(event_type)
        if known is None or known[1] is None:
            return []
        try:
            value = msgspec.json.decode(data)
        except msgspec.DecodeError as exc:
            return [FieldError(_DATA, f"cannot be checked against the schema of its type: {exc}")]
        return list(_errors(known[1], value))

    def _read(self) -> dict[str, tuple[str, Validator | None]]:
        with self._registry.reading() as reader:
            found: list[EventType] = []
            while piece := reader.event_types(after=found[-1].type if found else "", limit=_PAGE):
                found += piece
        return {
            one.type: self._compiled(one.type, one.schema)
            for one in found
            if one.schema is not None
        }

    def _compiled(self, event_type: str, schema: str) -> tuple[str, Validator | None]:
        known = self._types.get(event_type)
        if known is not None and known[0] == schema:
            return known
        try:
            return schema, compiled_schema(schema)
        except InvalidSchema as exc:
            log.warning("the schema of %s checks nothing: %s", event_type, exc)
            return schema, None


def _errors(validator: Validator, value: object) -> Iterator[FieldError]:
    for number, error in enumerate(validator.iter_errors(value)):
        if number == MOST_ERRORS:
            return
        place = _DATA
        for step in error.instance_path:
            place = below(place, step)
        yield FieldError(place, _shortened(error.message))


def _shortened(text: str) -> str:
    return text if len(text) <= _MAX_TEXT_CHARS else text[:_MAX_TEXT_CHARS] + "..."
