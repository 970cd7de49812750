"""Our records as bytes, and back: Avro in its single-object encoding."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

from pipeline.adapters.kafka.avro_bytes import SHORT, write_array
from pipeline.adapters.kafka.avro_types import attribute_of
from pipeline.adapters.kafka.encoder_compiler import compile_encoder
from pipeline.adapters.kafka.record_format import (
    NewerVersion,
    RecordFormat,
    kinds_of,
    write_record,
)
from pipeline.adapters.kafka.schema_files import Schemas
from pipeline.adapters.kafka.source_formats import EventReader, SourceReading
from pipeline.adapters.kafka.wire_format import SchemaName
from pipeline.adapters.kafka.writer_schemas import WriterSchemas
from pipeline.domain.delivery import Attempt, DeadLetter, Delivery, Position
from pipeline.domain.delivery_parts import DeliveryContent, DeliveryStart
from pipeline.domain.endpoint import Account, Endpoint
from pipeline.domain.endpoint_fields import (
    account_of,
    endpoint_of,
    fields_of_account,
    fields_of_endpoint,
)
from pipeline.domain.event import Event
from pipeline.domain.interventions import Intervention
from pipeline.domain.job import JobRecord
from pipeline.domain.profile_entry import ProfileEntry
from pipeline.domain.relation import Relation
from pipeline.domain.start_position import DecidedBy, StartPosition
from pipeline.flow import Record

_CLASSES: Final = {
    cls.__name__: cls for cls in (Attempt, DeadLetter, Delivery, Event, Position, StartPosition)
}


class RecordCodec:
    """Implements `Records`, and the same for the tables. Every `decode_` raises Undecodable alone.

    `sources` says how source topics are read; on others the format is recognised. `writer_schemas`
    has what a schema registry knows; None: there is no registry.

    Raises:
        UnusableSchemas: a schema does not match the type that it is for.
    """

    def __init__(
        self,
        schemas: Schemas,
        sources: Mapping[str, SourceReading] | None = None,
        *,
        writer_schemas: WriterSchemas | None = None,
    ) -> None:
        kinds = kinds_of(schemas)

        def format_of(name: str) -> RecordFormat[Any]:
            return RecordFormat(schemas[name], _CLASSES, kinds=kinds)

        self._event: RecordFormat[Event] = format_of("event")
        self._delivery: RecordFormat[Delivery] = format_of("delivery")
        self._attempts: RecordFormat[Mapping[str, list[Attempt]]] = format_of("attempts")
        self._dead_letter: RecordFormat[DeadLetter] = format_of("dead_letter")
        self._account: RecordFormat[Mapping[str, Any]] = format_of("account")
        self._endpoint: RecordFormat[Mapping[str, Any]] = format_of("endpoint")
        self._relation: RecordFormat[Mapping[str, Any]] = format_of("relation")
        self._profile: RecordFormat[Mapping[str, Any]] = format_of("profile")
        self._position: RecordFormat[StartPosition] = format_of("position")
        self._job: RecordFormat[Mapping[str, Any]] = format_of("job")
        self._intervention: RecordFormat[Mapping[str, Any]] = format_of("intervention")
        self._encode_event = _encoder(self._event)
        self._encode_delivery = _encoder(self._delivery)
        self._encode_dead_letter = _encoder(self._dead_letter)
        self._encode_position = _encoder(self._position)
        self._encode_start = _encoder_of_part(self._delivery, DeliveryStart)
        self._encode_content = _encoder_of_part(self._delivery, DeliveryContent)
        items = self._attempts.written.declared["fields"][0]["type"]["items"]
        self._encode_attempt: Callable[[Attempt], bytes] = compile_encoder(items, _CLASSES)
        self.writer_schemas = writer_schemas
        self._events = EventReader(self._event.decode, sources or {}, schemas=writer_schemas)

    def decode_event(self, record: Record) -> Event:
        """An event as a producer wrote it, in any of the formats of source topics, and checked."""
        return self._events.event_of(record)

    def is_surely_of_others(self, record: Record, account: bytes) -> bool:
        """Whether its event is none of the account's and none for every account, at a glance."""
        return self._events.is_surely_of_others(record, account)

    def missing_schema(self, record: Record) -> SchemaName | None:
        """What `decode_event` needs of the schema registry first, where it is not here."""
        return self._events.missing_schema(record)

    def encode_event(self, event: Event) -> bytes:
        return self._encode_event(event)

    def decode_delivery(self, value: bytes) -> Delivery:
        return self._delivery.decode(value)

    def encode_delivery(self, delivery: Delivery) -> bytes:
        return self._encode_delivery(delivery)

    def encode_start(self, start: DeliveryStart) -> bytes:
        return self._encode_start(start)

    def encode_content(self, content: DeliveryContent) -> bytes:
        return self._encode_content(content)

    def join_delivery(self, ids: tuple[bytes, bytes], *, start: bytes, content: bytes) -> bytes:
        """The record that `encode_delivery` makes of the whole.

        `ids` are those of the webhook and of the delivery, as `ids_of_new_delivery` gives them.
        """
        webhook, delivery = ids
        return b"".join(
            (
                self._delivery.written.header,
                SHORT[len(delivery)],
                delivery,
                SHORT[len(webhook)],
                webhook,
                start,
                content,
            )
        )

    def encode_attempts(self, attempts: Sequence[Attempt]) -> bytes:
        return self.pack_attempts([self._encode_attempt(attempt) for attempt in attempts])

    def encode_attempt(self, attempt: Attempt) -> bytes:
        """One entry for `pack_attempts`, so that its size is known before it is packed."""
        return self._encode_attempt(attempt)

    def pack_attempts(self, entries: Sequence[bytes]) -> bytes:
        return self._attempts.written.header + write_array(entries)

    def decode_attempts(self, value: bytes) -> list[Attempt]:
        return self._attempts.decode(value)["attempts"]

    def encode_dead_letter(self, letter: DeadLetter) -> bytes:
        return self._encode_dead_letter(letter)

    def decode_dead_letter(self, value: bytes) -> DeadLetter:
        return self._dead_letter.decode(value)

    def encode_start_position(self, position: StartPosition) -> bytes:
        return self._encode_position(position)

    def decode_start_position(self, value: bytes) -> StartPosition:
        position = self._position.decode(value)
        return position._replace(decided_by=DecidedBy(position.decided_by))

    def encode_account(self, account: Account) -> bytes:
        return write_record(self._account.written, fields_of_account(account))

    def decode_account(self, value: bytes, *, version: int) -> Account:
        """`version` is the record's offset."""
        return account_of(self._account.decode(value), version=version)

    def encode_endpoint(self, endpoint: Endpoint) -> bytes:
        return write_record(self._endpoint.written, fields_of_endpoint(endpoint))

    def decode_endpoint(self, value: bytes, *, version: int) -> Endpoint:
        """`version` is the record's offset."""
        try:
            return endpoint_of(self._endpoint.decode(value), version=version)
        except ValueError as exc:
            raise NewerVersion(f"not an endpoint that this version knows: {exc}") from exc

    def encode_relation(self, relation: Relation) -> bytes:
        """All that routing needs: what an account keeps with it stays in the store."""
        fields = {
            "account": relation.account,
            "company": relation.company,
            "star": relation.star,
            "removed": relation.removed,
        }
        return write_record(self._relation.written, fields)

    def decode_relation(self, value: bytes, *, version: int) -> Relation:
        """`version` is the record's offset."""
        return Relation(**self._relation.decode(value), version=version)

    def encode_profile(self, name: str, document: str, *, removed: bool = False) -> bytes:
        """`document` is JSON text."""
        fields = {"name": name, "document": document, "removed": removed}
        return write_record(self._profile.written, fields)

    def decode_profile(self, value: bytes, *, version: int) -> ProfileEntry:
        """`version` is the record's offset."""
        return ProfileEntry(**self._profile.decode(value), version=version)

    def encode_job(self, record: JobRecord) -> bytes:
        return write_record(self._job.written, record._asdict())

    def decode_job(self, value: bytes) -> JobRecord:
        return JobRecord(**self._job.decode(value))

    def encode_intervention(self, intervention: Intervention) -> bytes:
        return write_record(self._intervention.written, intervention._asdict())

    def decode_intervention(self, value: bytes) -> Intervention:
        return Intervention(**self._intervention.decode(value))


def _encoder(record_format: RecordFormat[Any]) -> Callable[[Any], bytes]:
    written = record_format.written
    return compile_encoder(written.declared, _CLASSES, prefix=written.header)


def _encoder_of_part(
    record_format: RecordFormat[Any], part: type[tuple[Any, ...]]
) -> Callable[[Any], bytes]:
    """What writes some of a record's fields, those that stand together in a type of their own."""
    names = cast("tuple[str, ...]", getattr(part, "_fields", ()))
    declared = record_format.written.declared
    fields = [field for field in declared["fields"] if attribute_of(field) in names]
    return compile_encoder(
        {**declared, "name": part.__name__, "fields": fields}, {**_CLASSES, part.__name__: part}
    )
