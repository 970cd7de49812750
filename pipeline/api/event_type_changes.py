"""Event types checked and stored: a schema is one, and the sample fits it. Blocking."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from pydantic import JsonValue

from pipeline.api.caller import Caller
from pipeline.api.event_schemas import InvalidSchema, compiled_schema
from pipeline.api.json_texts import json_text, json_value
from pipeline.api.listing import Listed, Piece, listed
from pipeline.api.problems import FieldError, Problem, conflict, invalid, not_found, of_document
from pipeline.domain.document import DocumentError, below, members_of
from pipeline.domain.merge_patch import merged
from pipeline.registry import EventType, Registry, RegistryWriter

_MOST_ERRORS: Final = 20
_SCHEMA_MEMBER: Final = "schema_"
Members = Mapping[str, Any]
"""`description`, `schema_`, `sample`, and `type` where it is new."""


@dataclass(frozen=True, slots=True)
class EventTypePorts:
    """Where event types are kept."""

    registry: Registry
    now_ms: Callable[[], int]


class EventTypeChanges:
    """All raise Problem, and StoreFailed."""

    def __init__(self, ports: EventTypePorts) -> None:
        self._ports = ports

    def page(self, piece: Piece) -> Listed[EventType]:
        with self._ports.registry.reading() as reader:
            found = reader.event_types(after=piece.after, limit=piece.wanted)
        return listed(found, piece, key=lambda each: each.type)

    def found(self, event_type: str) -> EventType:
        """Raises Problem (404)."""
        with self._ports.registry.reading() as reader:
            return _known(reader.event_type(event_type))

    def create(self, caller: Caller, given: Members) -> EventType:
        """Raises Problem (409): it is described already."""
        now_ms = self._ports.now_ms()
        made = _read(EventType(given["type"], "", None, None, now_ms, now_ms), given)
        with self._ports.registry.writing(caller.author) as writer:
            writer.lock_event_type(made.type)
            if writer.event_type(made.type) is not None:
                raise conflict(f"The event type {made.type} exists.")
            writer.put_event_type(made)
        return made

    def replace(self, caller: Caller, event_type: str, given: Members) -> EventType:
        """Raises Problem (404)."""
        with self._ports.registry.writing(caller.author) as writer:
            return self._put(writer, self._locked(writer, event_type), given)

    def update(self, caller: Caller, event_type: str, patch: Members) -> EventType:
        """A merge patch. Raises Problem (404)."""
        with self._ports.registry.writing(caller.author) as writer:
            present = self._locked(writer, event_type)
            members = {
                "description": present.description,
                _SCHEMA_MEMBER: _value(present.schema),
                "sample": _value(present.sample),
            }
            try:
                # What is null is gone, and has its default.
                left = members_of(merged(members, patch), "")
            except DocumentError as exc:
                raise of_document(exc) from exc
            return self._put(writer, present, {name: left.get(name) for name in members})

    def remove(self, caller: Caller, event_type: str) -> None:
        """Raises Problem (404)."""
        with self._ports.registry.writing(caller.author) as writer:
            self._locked(writer, event_type)
            writer.remove_event_type(event_type)

    def _locked(self, writer: RegistryWriter, event_type: str) -> EventType:
        writer.lock_event_type(event_type)
        return _known(writer.event_type(event_type))

    def _put(self, writer: RegistryWriter, present: EventType, given: Members) -> EventType:
        changed = _read(replace(present, updated_at_ms=self._ports.now_ms()), given)
        writer.put_event_type(changed)
        return changed


def _read(kept: EventType, given: Members) -> EventType:
    """Raises Problem (422)."""
    schema, sample = given[_SCHEMA_MEMBER], given["sample"]
    changed = replace(
        kept,
        description=given["description"] or "",
        schema=None if schema is None else json_text(schema, pointer="/schema"),
        sample=json_text(sample, pointer="/sample"),
    )
    if changed.schema is not None:
        _check_sample(changed.schema, sample)
    return changed


def _check_sample(schema: str, sample: JsonValue) -> None:
    try:
        validator = compiled_schema(schema)
    except InvalidSchema as exc:
        raise invalid([FieldError("/schema", str(exc))]) from exc
    errors: list[FieldError] = []
    for error in validator.iter_errors(sample):
        pointer = "/sample"
        for step in error.instance_path:
            pointer = below(pointer, step)
        errors.append(FieldError(pointer, f"does not fit the schema: {error.message}"))
        if len(errors) == _MOST_ERRORS:
            break
    if errors:
        raise invalid(errors)


def _value(text: str | None) -> JsonValue:
    return None if text is None else json_value(text)


def _known(found: EventType | None) -> EventType:
    if found is None:
        raise _unknown()
    return found


def _unknown() -> Problem:
    return not_found("There is no such event type.")
