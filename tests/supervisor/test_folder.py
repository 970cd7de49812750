"""The data folder as `up` holds it, and the operator's key in it."""

from __future__ import annotations

import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.supervisor.folder import FORMAT, FolderRefused, held_folder
from pipeline.supervisor.operator_key import (
    UnusableOperatorKey,
    ensure_operator_key,
    operator_key_file,
)


def test_a_folder_is_held_by_one_at_a_time(tmp_path: Path):
    with (
        held_folder(tmp_path / "data"),
        pytest.raises(FolderRefused, match="runs with the data folder"),
        held_folder(tmp_path / "data"),
    ):
        pass
    with held_folder(tmp_path / "data"):
        pass


def test_a_new_folder_says_what_made_it(tmp_path: Path):
    with held_folder(tmp_path / "data"):
        pass
    assert f'"format":{FORMAT}' in (tmp_path / "data" / "format.json").read_text()


@pytest.mark.parametrize("content", ["", "{}", '{"format": "1"}', "\x00"])
def test_a_damaged_format_file_is_not_passed_over(tmp_path: Path, content: str):
    (tmp_path / "format.json").write_text(content)
    with pytest.raises(FolderRefused, match=r"format\.json"), held_folder(tmp_path):
        pass


def test_a_folder_of_another_format_is_refused_and_let_go(tmp_path: Path):
    (tmp_path / "format.json").write_text('{"format": 2, "version": "9.9"}')
    for _ in range(2):
        with (
            pytest.raises(FolderRefused, match=r"version 9\.9 \(format 2\)"),
            held_folder(tmp_path),
        ):
            pass


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(FolderRefused, match="PIPELINE_DATA_DIR"),
        held_folder(tmp_path / "file" / "data"),
    ):
        pass


def test_the_operators_key_is_made_once_for_its_owner_alone(tmp_path: Path):
    first = ensure_operator_key(tmp_path / "data")
    second = ensure_operator_key(tmp_path / "data")
    assert first.is_new
    assert not second.is_new
    assert first.key == second.key
    assert stat.S_IMODE(first.path.stat().st_mode) == 0o600
    assert [path.name for path in first.path.parent.iterdir()] == [first.path.name]


def test_those_who_ask_at_the_same_time_get_the_same_key(tmp_path: Path):
    together = threading.Barrier(8)

    def ask(_: int) -> str:
        together.wait(10)
        return ensure_operator_key(tmp_path).key

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(ask, range(8)))) == 1


def test_an_empty_key_file_is_an_error_and_not_an_open_door(tmp_path: Path):
    operator_key_file(tmp_path).write_text("\n")
    with pytest.raises(UnusableOperatorKey, match=r"operator\.key"):
        ensure_operator_key(tmp_path)
