from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as some

from pipeline.domain.table_positions import read_positions, write_positions

_NAMES = some.sampled_from(["accounts", "endpoints", "profiles", "relations"])
_POSITIONS = some.dictionaries(_NAMES, some.integers(0, 2**63 - 1))


@given(_POSITIONS)
def test_what_was_written_is_read_again(positions: dict[str, int]):
    assert read_positions(write_positions(positions)) == positions


def test_tables_are_written_in_the_order_of_their_names():
    positions = {"relations": 4, "accounts": 12, "endpoints": 33}
    assert write_positions(positions) == b"accounts=12,endpoints=33,relations=4"


@pytest.mark.parametrize(
    "hostile",
    [
        b"accounts",
        b"accounts=",
        b"accounts=-1",
        b"accounts=+1",
        b"accounts=01",
        b"accounts=1_0",
        b"accounts= 1",
        b"accounts=1,",
        b",accounts=1",
        b"accounts=1\n",
        b"accounts=1,accounts=2",
        b"ACCOUNTS=1",
        b"=1",
        b"accounts=9223372036854775808",
        b"accounts=" + b"9" * 400,
        "accounts=\N{ARABIC-INDIC DIGIT FIVE}".encode(),
        b"\xff=1",
        b"a=1," * 200,
        b"x" * 65 + b"=1",
    ],
)
def test_what_nobody_wrote_is_refused(hostile: bytes):
    with pytest.raises(ValueError, match=r"\w"):
        read_positions(hostile)


@given(some.binary(max_size=600))
def test_any_bytes_are_read_or_refused(value: bytes):
    with contextlib.suppress(ValueError):
        assert write_positions(read_positions(value)) or not value


@pytest.mark.parametrize(
    "positions",
    [
        {"accounts": -1},
        {"accounts": 2**63},
        {"Accounts": 1},
        {"a=1,b": 1},
        {f"table{number}": 1 for number in range(100)},
    ],
)
def test_what_could_not_be_read_is_not_written(positions: dict[str, int]):
    with pytest.raises(ValueError, match="table"):
        write_positions(positions)
