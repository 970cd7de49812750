from __future__ import annotations

from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.adapters.kafka.avro_bytes import write_long, write_microseconds
from pipeline.adapters.kafka.codec import RecordCodec
from pipeline.adapters.kafka.schema_files import NAMES, UnusableSchemas, version_of
from pipeline.domain.delivery import Attempt, DeadLetter, Delivery
from pipeline.domain.delivery_parts import DeliveryContent, DeliveryStart
from pipeline.domain.endpoint import Account, BodyChoice, Endpoint
from pipeline.domain.endpoint_fields import fields_of_endpoint
from pipeline.domain.event import Event
from pipeline.domain.relation import Relation, relation_key
from pipeline.domain.start_position import DecidedBy, StartPosition
from pipeline.ports import Undecodable
from tests.kafka.record_kinds import KINDS, Kind
from tests.kafka.record_values import (
    A_RELATION,
    AN_ACCOUNT,
    AN_ATTEMPT,
    AN_ENDPOINT,
    ATTEMPTS,
    CODEC,
    DEAD_LETTERS,
    DELIVERIES,
    EVENTS,
    SCHEMAS,
    START_POSITIONS,
    by_fastavro,
    named_as_in_schema,
)

EACH_KIND = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


def test_every_kind_of_record_is_tested_here():
    assert {kind.name for kind in KINDS} == set(NAMES)


@EACH_KIND
def test_what_is_encoded_is_decoded_again(kind: Kind):
    assert kind.decode(kind.encode(kind.value)) == kind.value


@EACH_KIND
def test_a_record_begins_with_the_marker_and_the_fingerprint_of_its_schema(kind: Kind):
    assert kind.encode(kind.value)[:10] == SCHEMAS[kind.name].written.header


def test_the_fingerprint_is_that_of_the_avro_specification_in_little_endian():
    # Avro, "Schema Fingerprints" and "Single-object encoding", by the specification's algorithm.
    empty = 0xC15D213AA4D7A795
    table: list[int] = []
    for byte in range(256):
        fingerprint = byte
        for _ in range(8):
            fingerprint = (fingerprint >> 1) ^ (empty & -(fingerprint & 1))
        table.append(fingerprint)
    canonical = b'{"name":"a.R","type":"record","fields":[{"name":"at","type":"long"}]}'
    fingerprint = empty
    for byte in canonical:
        fingerprint = (fingerprint >> 8) ^ table[(fingerprint ^ byte) & 255]
    at = {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}, "default": 0}
    version = version_of(
        {"type": "record", "name": "R", "namespace": "a", "doc": "any", "fields": [at]}
    )
    assert version.header == b"\xc3\x01" + fingerprint.to_bytes(8, "little")


@settings(deadline=None, max_examples=150)
@given(DELIVERIES)
def test_deliveries_are_encoded_byte_for_byte_as_fastavro_does(delivery: Delivery):
    record = CODEC.encode_delivery(delivery)
    assert record == by_fastavro(SCHEMAS["delivery"].written, named_as_in_schema(delivery))
    assert CODEC.decode_delivery(record) == delivery


@settings(deadline=None, max_examples=150)
@given(ATTEMPTS, ATTEMPTS)
def test_attempts_are_encoded_byte_for_byte_as_fastavro_does(one: Attempt, other: Attempt):
    batch = [one, other]
    record = CODEC.encode_attempts(batch)
    fields = {"attempts": [named_as_in_schema(attempt) for attempt in batch]}
    assert record == by_fastavro(SCHEMAS["attempts"].written, fields)
    assert CODEC.decode_attempts(record) == batch


@settings(deadline=None)
@given(DEAD_LETTERS)
def test_dead_letters_are_encoded_byte_for_byte_as_fastavro_does(letter: DeadLetter):
    record = CODEC.encode_dead_letter(letter)
    assert record == by_fastavro(SCHEMAS["dead_letter"].written, named_as_in_schema(letter))
    assert CODEC.decode_dead_letter(record) == letter


@settings(deadline=None)
@given(EVENTS)
def test_events_are_encoded_byte_for_byte_as_fastavro_does(event: Event):
    fields = named_as_in_schema(event)
    assert CODEC.encode_event(event) == by_fastavro(SCHEMAS["event"].written, fields)


@settings(deadline=None)
@given(START_POSITIONS)
def test_start_positions_are_encoded_byte_for_byte_as_fastavro_does(position: StartPosition):
    record = CODEC.encode_start_position(position)
    assert record == by_fastavro(SCHEMAS["position"].written, named_as_in_schema(position))
    decoded = CODEC.decode_start_position(record)
    assert decoded == position
    assert isinstance(decoded.decided_by, DecidedBy)


@settings(deadline=None, max_examples=50)
@given(DELIVERIES)
def test_a_delivery_that_is_encoded_in_parts_is_the_same_record(delivery: Delivery):
    delivery = delivery._replace(delivery_id="dlv_1", webhook_id="msg_01")
    start = CODEC.encode_start(DeliveryStart(*delivery[2:10]))
    content = CODEC.encode_content(DeliveryContent(*delivery[10:]))
    joined = CODEC.join_delivery((b"msg_01", b"dlv_1"), start=start, content=content)
    assert joined == CODEC.encode_delivery(delivery)


def test_the_parts_of_a_delivery_are_its_fields_in_their_order():
    assert (*DeliveryStart._fields, *DeliveryContent._fields) == Delivery._fields[2:]


@given(st.integers(-(2**63), 2**63 - 1) | st.sampled_from([2**41 - 1, 2**41, 2**55 - 1, 2**55]))
def test_times_are_written_like_any_other_number(number: int):
    assert write_microseconds(number) == write_long(number)


def test_attempts_can_be_encoded_one_by_one_and_packed_later():
    entries = [CODEC.encode_attempt(AN_ATTEMPT)] * 3
    assert CODEC.decode_attempts(CODEC.pack_attempts(entries)) == [AN_ATTEMPT] * 3
    assert CODEC.decode_attempts(CODEC.pack_attempts([])) == []


def test_the_version_of_a_tables_record_is_its_offset():
    assert CODEC.decode_endpoint(CODEC.encode_endpoint(AN_ENDPOINT), version=41).version == 41
    assert CODEC.decode_account(CODEC.encode_account(AN_ACCOUNT), version=42).version == 42
    assert CODEC.decode_relation(CODEC.encode_relation(A_RELATION), version=43).version == 43
    assert CODEC.decode_profile(CODEC.encode_profile("p", "{}"), version=44).version == 44


@pytest.mark.parametrize(
    "endpoint",
    [
        Endpoint("ep_2", "acme", "twenty", "webhooks.shared-delivery"),
        Endpoint("ep_2", "acme", "twenty", "t", email="a@example.org", signing=()),
        Endpoint("ep_2", "acme", "calenso", "t", body=BodyChoice(format="flat")),
    ],
)
def test_endpoints_that_leave_most_to_their_profile_are_decoded_as_they_were(endpoint: Endpoint):
    assert CODEC.decode_endpoint(CODEC.encode_endpoint(endpoint), version=0) == endpoint


def test_a_relation_without_a_star_or_that_was_removed_is_still_known_to_be_one():
    for relation in (Relation("acme", "4411"), Relation("acme", "4411", removed=True)):
        assert CODEC.decode_relation(CODEC.encode_relation(relation), version=0) == relation


def test_what_an_account_keeps_with_a_relation_stays_out_of_its_table():
    relation = Relation("acme", "4411", "gold", MappingProxyType({"note": '"secret"'}))
    assert b"secret" not in CODEC.encode_relation(relation)


def test_a_relations_key_says_its_account_and_its_company():
    assert relation_key("acme", "a/b") == b"acme/a/b"


def test_a_removed_account_is_still_known_to_be_one():
    removed = Account("acme", "twenty", removed=True)
    assert CODEC.decode_account(CODEC.encode_account(removed), version=0).removed


@pytest.mark.parametrize("change", [{"order": "reverse"}, {"status": "sleepy"}, {"body": "flat"}])
def test_an_endpoint_with_a_value_that_this_version_does_not_know_is_undecodable(
    change: dict[str, str],
):
    fields = {**fields_of_endpoint(AN_ENDPOINT), **change}
    record = by_fastavro(SCHEMAS["endpoint"].written, fields)
    with pytest.raises(Undecodable, match="an endpoint that this version knows"):
        CODEC.decode_endpoint(record, version=0)


def test_a_type_of_ours_that_does_not_have_the_fields_of_its_schema_is_found_at_the_start():
    declared = dict(SCHEMAS["delivery"].written.declared)
    declared["fields"] = [field for field in declared["fields"] if field["name"] != "parked"]
    schemas = {**SCHEMAS, "delivery": SCHEMAS["delivery"].__class__(version_of(declared))}
    with pytest.raises(UnusableSchemas, match="parked"):
        RecordCodec(schemas)
