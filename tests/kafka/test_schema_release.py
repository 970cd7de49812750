"""Today's schemas beside those of every release: what reads what while one replaces the other."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.adapters.kafka.codec import RecordCodec
from pipeline.adapters.kafka.schema_files import NAMES, RELEASED, load_schemas
from pipeline.adapters.kafka.schema_release import (
    announce,
    note_release,
    noted_releases,
    problems,
)
from pipeline.adapters.kafka.schema_resolution import differences
from tests.kafka.record_values import A_DELIVERY, SCHEMAS_FOLDER

NEW = {"name": "priority", "type": "int", "default": 3}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Schemas as they were when 1.0 was released."""
    copy = Path(shutil.copytree(SCHEMAS_FOLDER, tmp_path / "schemas"))
    shutil.rmtree(copy / RELEASED, ignore_errors=True)
    note_release(copy, "1.0")
    return copy


def change(folder: Path, edit: Callable[[list[dict[str, Any]]], object]) -> Path:
    """Another schema of deliveries, aside."""
    declared = json.loads((folder / "delivery.avsc").read_bytes())
    edit(declared["fields"])
    path = folder.parent / "delivery.avsc"
    path.write_text(json.dumps(declared))
    return path


def test_todays_schemas_can_stand_beside_every_release():
    assert noted_releases(SCHEMAS_FOLDER)
    assert problems(SCHEMAS_FOLDER) == []


def test_a_release_notes_what_it_writes_and_reads(folder: Path):
    assert problems(folder) == []
    assert set(noted_releases(folder)["1.0"]) == set(NAMES)
    before = sorted((folder / RELEASED).iterdir())
    note_release(folder, "1.0")
    assert sorted((folder / RELEASED).iterdir()) == before


def test_a_schema_that_the_last_release_does_not_know_is_refused_by_schema_and_field(folder: Path):
    shutil.copy(change(folder, lambda fields: fields.append(NEW)), folder / "delivery.avsc")
    (problem,) = problems(folder)
    assert problem.startswith("delivery: 1.0 does not know what delivery.avsc writes (priority)")
    assert "make announce-schema" in problem


def test_a_schema_that_was_announced_a_release_before_is_written_and_both_ways_read(folder: Path):
    old = RecordCodec(load_schemas(folder))
    new = change(folder, lambda fields: fields.append(NEW))
    announce(folder, new)
    note_release(folder, "1.1")
    between = RecordCodec(load_schemas(folder))
    shutil.copy(new, folder / "delivery.avsc")
    assert problems(folder) == []
    note_release(folder, "1.2")
    assert problems(folder) == []
    fields = json.loads((folder / "delivery.avsc").read_bytes())["fields"]
    assert fields[-1]["name"] == "priority"
    assert between.decode_delivery(old.encode_delivery(A_DELIVERY)) == A_DELIVERY


def test_a_release_that_is_not_out_yet_is_noted_anew(folder: Path):
    shutil.copy(change(folder, lambda fields: fields.append(NEW)), folder / "delivery.avsc")
    note_release(folder, "1.0")
    assert problems(folder) == []
    assert len(list((folder / RELEASED).glob("delivery.*"))) == 1


UNREADABLE: list[tuple[Callable[[list[dict[str, Any]]], object], str]] = [
    (
        lambda fields: fields.append({"name": "priority", "type": "int"}),
        "delivery: what 1.0 writes: priority: it is not written there, and has no default",
    ),
    (
        lambda fields: fields.__delitem__(0),
        "delivery: what is written today, by 1.0: delivery_id: it is not written there",
    ),
    (
        lambda fields: fields[0].update(type="int"),
        "delivery: what 1.0 writes: delivery_id: string cannot be read as int",
    ),
]


@pytest.mark.parametrize(("edit", "says"), UNREADABLE)
def test_what_one_of_both_cannot_read_is_told_although_it_was_announced(
    folder: Path, edit: Callable[[list[dict[str, Any]]], object], says: str
):
    new = change(folder, edit)
    announce(folder, new)
    note_release(folder, "1.0")
    releases = noted_releases(folder)
    shutil.copy(new, folder / "delivery.avsc")
    assert releases["1.0"]["delivery"]["reads"][1:]
    assert any(problem.startswith(says) for problem in problems(folder))


def test_a_released_schema_that_is_gone_is_missed(folder: Path):
    shutil.copy(change(folder, lambda fields: fields.append(NEW)), folder / "delivery.avsc")
    note_release(folder, "1.1")
    (first,) = {known["writes"] for known in (noted_releases(folder)["1.0"]["delivery"],)}
    (folder / RELEASED / f"delivery.{first}.avsc").unlink()
    assert any(f"delivery.{first}.avsc is missing" in problem for problem in problems(folder))


@pytest.mark.parametrize(
    ("writer", "reader", "said"),
    [
        ("int", "long", []),
        ("long", "int", [": long cannot be read as int"]),
        (["null", "string"], ["null", "string"], []),
        ("string", ["null", "string"], []),
        (["null", "string"], "string", [": null cannot be read as string"]),
        (["null", "int"], ["null", "string"], [": int is none of ['null', 'string']"]),
        ({"type": "array", "items": "int"}, {"type": "array", "items": "long"}, []),
        ({"type": "map", "values": "long"}, {"type": "map", "values": "int"}, ["{}: long cannot"]),
        (
            {"type": "enum", "name": "E", "symbols": ["a", "b"]},
            {"type": "enum", "name": "E", "symbols": ["a"]},
            [": b is none of a"],
        ),
        (
            {"type": "enum", "name": "E", "symbols": ["a", "b"]},
            {"type": "enum", "name": "E", "symbols": ["a"], "default": "a"},
            [],
        ),
        (
            {"type": "fixed", "name": "F", "size": 4},
            {"type": "fixed", "name": "F", "size": 8},
            ["4"],
        ),
    ],
)
def test_what_is_read_as_what(writer: object, reader: object, said: list[str]):
    found = list(differences(writer, reader))
    assert len(found) == len(said)
    assert all(part in line for part, line in zip(said, found, strict=True))
