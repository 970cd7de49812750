"""How a record of a source topic becomes an event, whatever its producer wrote it with.

| how it begins, or its headers | what it is |
| --- | --- |
| a `ce_specversion` header, or a content type `application/cloudevents...` | CloudEvents |
| `C3 01` | our Avro |
| `00`, `01` or a `__value_schema_id` header | the producer's own Avro, by a schema registry |
| `{`, after white space perhaps | JSON |

JSON is `{account, type, data, id?, time?, subject?, metadata?}`, or what the source's `event` in
topics.yaml takes these members from. A producer's own Avro is read as the JSON that it would be.

Without an id an event's id is made of where its record lies, so that it is the same whenever it is
read; without a time it occurred when its record was written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec

from pipeline.adapters.kafka.attribute_mapping import OWN_ATTRIBUTES, AttributeMapping
from pipeline.adapters.kafka.cloud_events import event_of_cloud_event, is_cloud_event
from pipeline.adapters.kafka.event_mapping import EventMapping
from pipeline.adapters.kafka.schema_files import MARKER
from pipeline.adapters.kafka.source_record import id_of, time_us, written_us
from pipeline.adapters.kafka.wire_format import SchemaName, is_registrys
from pipeline.adapters.kafka.writer_schemas import WriterSchemas
from pipeline.domain.event import Event
from pipeline.domain.event_rules import (
    EVERY_ACCOUNT,
    OversizeEvent,
    RefusedEvent,
    check_data,
    check_members,
)
from pipeline.flow import Record
from pipeline.ports import Oversize, Undecodable

_WHITE_SPACE: Final = b" \t\r\n"
_SHOWN_BYTES: Final = 4
_EVERY_ACCOUNT: Final = EVERY_ACCOUNT.encode()


class SourceFormat(StrEnum):
    """What a source topic's records are."""

    AUTO = "auto"
    """Each record says."""
    AVRO = "avro"
    JSON = "json"
    CLOUDEVENTS = "cloudevents"
    REGISTRY = "registry"
    """The producer's own Avro, whose schema a registry has."""


@dataclass(frozen=True, slots=True)
class SourceReading:
    """How the records of a source topic are read."""

    format: SourceFormat
    mapping: EventMapping | AttributeMapping | None = None
    """None: they are envelopes, or CloudEvents with attributes of ours. Of attributes it is where
    the format is that of CloudEvents."""


class _Envelope(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    account: str
    type: str
    data: msgspec.Raw
    id: str | None = None
    time: str | None = None
    subject: str | None = None
    metadata: dict[str, str] = {}


class EventReader:
    """Reads events; without `schemas` there is no registry. On other topics all is recognised."""

    def __init__(
        self,
        decode_avro: Callable[[bytes], Event],
        sources: Mapping[str, SourceReading],
        *,
        schemas: WriterSchemas | None,
    ) -> None:
        self._decode_avro = decode_avro
        self._schemas = schemas
        self._wanted = {
            topic: source.format
            for topic, source in sources.items()
            if source.format is not SourceFormat.AUTO
        }
        self._mappings = {
            topic: source.mapping
            for topic, source in sources.items()
            if isinstance(source.mapping, EventMapping)
        }
        self._attributes = {
            topic: source.mapping
            for topic, source in sources.items()
            if isinstance(source.mapping, AttributeMapping)
        }
        self._envelope = msgspec.json.Decoder(_Envelope)

    def missing_schema(self, record: Record) -> SchemaName | None:
        """The producer's schema that the record cannot be read without, where it is not here."""
        if self._schemas is None:
            return None
        try:
            found = _format_of(record)
        except Undecodable:
            return None
        wanted = self._wanted.get(record.partition.topic, found)
        is_needed = found is SourceFormat.REGISTRY and wanted is found
        return self._schemas.missing(record) if is_needed else None

    def is_surely_of_others(self, record: Record, account: bytes) -> bool:
        """Whether it is no event of this account's nor one for every account, without reading it.

        Both would have to be in an envelope byte by byte, for an account's id is of characters
        that JSON writes as they are unless it escapes them. Of another format it is never sure.
        """
        value = record.value
        if not value or record.headers or record.partition.topic in self._mappings:
            return False
        if account in value or _EVERY_ACCOUNT in value:
            return False
        return value.startswith(MARKER) or (value.startswith(b"{") and b"\\" not in value)

    def event_of(self, record: Record) -> Event:
        """The event, its members and data checked.

        Raises:
            Oversize: its data has more than 1 MiB.
            Undecodable: it is none, or a member is not as it must be; the text names the member.
        """
        try:
            return self._read(record, _format_of(record))
        except OversizeEvent as exc:
            raise Oversize(str(exc)) from exc
        except RefusedEvent as exc:
            raise Undecodable(str(exc)) from exc

    def _read(self, record: Record, found: SourceFormat) -> Event:
        wanted = self._wanted.get(record.partition.topic, found)
        if wanted is not found:
            raise Undecodable(f"a {found} record on a topic whose format is {wanted}")
        if found is SourceFormat.JSON:
            event = self._of_json(record, record.value or b"")
            check_members(event)
        elif found is SourceFormat.REGISTRY:
            event = self._of_json(record, self._json_of(record))
            check_members(event)
        elif found is SourceFormat.AVRO:
            event = self._of_avro(record)
            check_members(event)
            check_data(event.data)
        else:
            mapping = self._attributes.get(record.partition.topic, OWN_ATTRIBUTES)
            event = event_of_cloud_event(record, mapping)
            check_members(event)
        return event

    def _of_avro(self, record: Record) -> Event:
        event = self._decode_avro(record.value or b"")
        if event.time_us is None:  # pyright: ignore[reportUnnecessaryComparison] - null in Avro
            return event._replace(time_us=written_us(record))
        return event

    def _json_of(self, record: Record) -> bytes:
        if self._schemas is None:
            raise Undecodable(
                "written with a schema registry, and none is configured: set "
                "PIPELINE_KAFKA__SCHEMA_REGISTRY, or publish the event with Avro's single-object "
                "encoding, as CloudEvents or as JSON"
            )
        return self._schemas.json_of(record)

    def _of_json(self, record: Record, document: bytes) -> Event:
        try:
            document.decode()  # msgspec passes over the data without looking at its text
        except UnicodeDecodeError as exc:
            raise Undecodable(f"not UTF-8 at byte {exc.start}") from exc
        mapping = self._mappings.get(record.partition.topic) if self._mappings else None
        if mapping is not None:
            return mapping.event_of(record, document)
        return self._of_envelope(record, document)

    def _of_envelope(self, record: Record, document: bytes) -> Event:
        try:
            envelope = self._envelope.decode(document)
        except RecursionError as exc:
            raise Undecodable("data: nested too deep") from exc
        except msgspec.MsgspecError as exc:
            raise Undecodable(f"not an event: {exc}") from exc
        return Event(
            id_of(record) if envelope.id is None else envelope.id,
            envelope.type,
            envelope.account,
            written_us(record) if envelope.time is None else time_us(envelope.time),
            bytes(envelope.data),
            envelope.subject,
            envelope.metadata,
        )


def _format_of(record: Record) -> SourceFormat:
    value = record.value or b""
    if record.headers:
        if is_cloud_event(record.headers):
            return SourceFormat.CLOUDEVENTS
        if is_registrys(value, record.headers):
            return SourceFormat.REGISTRY
    if value.startswith(MARKER):
        return SourceFormat.AVRO
    if value.startswith(b"{") or value.lstrip(_WHITE_SPACE).startswith(b"{"):
        return SourceFormat.JSON
    if is_registrys(value, None):
        return SourceFormat.REGISTRY
    raise Undecodable(_why_unknown(value))


def _why_unknown(value: bytes) -> str:
    if not value:
        return "the record has no value: a tombstone is no event"
    shown = value[:_SHOWN_BYTES].hex(" ")
    return f"begins with {shown}: neither Avro (c3 01) nor JSON ({{) nor CloudEvents (by headers)"
