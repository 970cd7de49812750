from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.adapters.profile_files import (
    ProfileFileError,
    read_profile_file,
    read_profile_files,
)


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "own.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name: own\nformatz: {}\n", "formatz: unknown field: did you mean formats?"),
        ("name: own\nname: own\n", "'name' is given twice"),
        ("name: own\nformats:\n  a: {template: {b: 1, b: 2}}\n", "'b' is given twice"),
        ("name: other\nformats:\n  a: {template: 1}\n", "write 'own'"),
        ("name: own\nformats:\n  a: {template: 2026-01-01}\n", "in quotes"),
        ("name: own\nformats:\n  a: {template: .nan}\n", "in quotes"),
        ("on: own\n", "put it in quotes"),
        ("{", "not YAML"),
        ("!!python/object/apply:os.system [id]", "not YAML"),
        (b"\xff\xfe\x00", "not YAML"),
        ("[" * 5_000, "not YAML"),
        ("", "give an object"),
        ("# " + "x" * 300_000, "too long"),
    ],
)
def test_a_wrong_file_is_refused_with_its_name(tmp_path: Path, text: str | bytes, says: str):
    path = written(tmp_path, text)
    with pytest.raises(ProfileFileError) as caught:
        read_profile_file(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert says in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(ProfileFileError, match="No such file"):
        read_profile_file(tmp_path / "own.yaml")
    with pytest.raises(ProfileFileError, match="no such folder"):
        read_profile_files(tmp_path / "profiles")


def test_an_operators_folder_gives_his_profiles(tmp_path: Path):
    written(tmp_path, "name: own\nformats:\n  nested: {template: {id: $.event.id}}\n")
    profiles = read_profile_files(tmp_path)
    assert list(profiles) == ["own"]
    assert profiles["own"].default_format.template == '{"id": "$.event.id"}'
