from __future__ import annotations

import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.adapters.kafka.avro_bytes import write_long
from pipeline.ports import Undecodable
from tests.kafka.record_kinds import KINDS, Kind
from tests.kafka.record_values import SCHEMAS

EACH_KIND = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
HEADER_BYTES = 10
FORGED_LENGTHS = (2**14, 2**31, 2**40, 2**62, -1, -64, -(2**63))
FEW_BYTES = 256 * 1024


@EACH_KIND
def test_every_record_that_is_cut_short_is_undecodable(kind: Kind):
    record = kind.encode(kind.value)
    for length in range(len(record)):
        with pytest.raises(Undecodable):
            kind.decode(record[:length])


@EACH_KIND
def test_a_record_with_anything_behind_it_is_undecodable(kind: Kind):
    with pytest.raises(Undecodable, match="bytes expected"):
        kind.decode(kind.encode(kind.value) + b"\0")


@EACH_KIND
def test_a_record_of_another_kind_is_undecodable_and_the_text_names_both(kind: Kind):
    other = next(another for another in KINDS if another.name != kind.name)
    here, there = (SCHEMAS[name].written.record_name for name in (kind.name, other.name))
    with pytest.raises(Undecodable, match=rf"an? {there} record where an? {here} record belongs"):
        kind.decode(other.encode(other.value))


@EACH_KIND
def test_a_schema_that_nobody_here_knows_is_said_with_its_fingerprint(kind: Kind):
    record = b"\xc3\x01\x01\x23\x45\x67\x89\xab\xcd\xef" + kind.encode(kind.value)[HEADER_BYTES:]
    with pytest.raises(Undecodable, match=r"0123456789abcdef.*newer version"):
        kind.decode(record)


@settings(deadline=None)
@given(st.binary(max_size=64), st.sampled_from(KINDS))
def test_any_bytes_are_decoded_or_undecodable_and_nothing_else(record: bytes, kind: Kind):
    with suppress(Undecodable):
        kind.decode(record)


@settings(deadline=None)
@given(st.binary(max_size=400), st.sampled_from(KINDS))
def test_any_bytes_behind_the_right_header_are_decoded_or_undecodable(fields: bytes, kind: Kind):
    with suppress(Undecodable):
        kind.decode(SCHEMAS[kind.name].written.header + fields)


@settings(deadline=None)
@given(st.data(), st.sampled_from(KINDS))
def test_a_record_with_some_bytes_changed_is_decoded_or_undecodable(
    drawn: st.DataObject, kind: Kind
):
    record = bytearray(kind.encode(kind.value))
    places = st.lists(st.integers(HEADER_BYTES, len(record) - 1), min_size=1, max_size=4)
    for place in drawn.draw(places):
        record[place] = drawn.draw(st.integers(0, 255))
    with suppress(Undecodable):
        kind.decode(bytes(record))


@EACH_KIND
@pytest.mark.parametrize("length", FORGED_LENGTHS)
def test_a_forged_length_or_count_costs_no_memory(kind: Kind, length: int):
    record, forged = kind.encode(kind.value), write_long(length)
    places = range(HEADER_BYTES, len(record))
    tracemalloc.start()
    try:
        for place in places:
            with suppress(Undecodable):
                kind.decode(record[:place] + forged + record[place + 1 :])
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < FEW_BYTES


@pytest.mark.parametrize(
    ("number", "why"),
    [(b"\xff" * 9 + b"\x02", "64 bits"), (b"\x80" * 10 + b"\x00", "ten bytes")],
)
def test_a_number_that_no_long_holds_is_undecodable(number: bytes, why: str):
    position = next(kind for kind in KINDS if kind.name == "position")
    strings = b"\x02g\x02t\x02i"
    record = SCHEMAS["position"].written.header + strings + b"\0" + number + b"\0\0"
    with pytest.raises(Undecodable, match=why):
        position.decode(record)


def test_a_partition_of_more_than_32_bits_is_undecodable():
    position = next(kind for kind in KINDS if kind.name == "position")
    strings = b"\x02g\x02t\x02i"
    record = SCHEMAS["position"].written.header + strings + write_long(2**31) + b"\0\0\0"
    with pytest.raises(Undecodable, match="32 bits"):
        position.decode(record)


@pytest.mark.parametrize("symbol", [b"\x06", b"\x01"])
def test_a_symbol_that_an_enum_does_not_have_is_undecodable(symbol: bytes):
    position = next(kind for kind in KINDS if kind.name == "position")
    record = position.encode(position.value)
    with pytest.raises(Undecodable):
        position.decode(record[:-1] + symbol)
