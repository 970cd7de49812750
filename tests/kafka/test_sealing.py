from __future__ import annotations

import base64
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.adapters.sealing import (
    CannotOpen,
    Sealer,
    UnusableKey,
    key_from_file,
    key_from_text,
)

KEY: Final = bytes(range(32))
OTHER_KEY: Final = bytes(range(1, 33))
SEALER: Final = Sealer(KEY)


@settings(deadline=None)
@given(st.binary(max_size=300), st.binary(max_size=70))
def test_what_is_sealed_is_opened_again_under_the_same_record_key(content: bytes, key: bytes):
    assert SEALER.open(SEALER.seal(content, record_key=key), record_key=key) == content


def test_the_content_cannot_be_read_and_no_two_sealings_are_alike():
    sealed = [SEALER.seal(b"whsec_secret", record_key=b"ep_1") for _ in range(2)]
    assert all(b"secret" not in value for value in sealed)
    assert sealed[0] != sealed[1]


def test_a_value_that_was_moved_to_another_record_cannot_be_opened():
    sealed = SEALER.seal(b"secret", record_key=b"ep_1")
    with pytest.raises(CannotOpen, match="another record"):
        SEALER.open(sealed, record_key=b"ep_2")


def test_a_value_that_was_changed_anywhere_cannot_be_opened():
    sealed = SEALER.seal(b"secret", record_key=b"ep_1")
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(CannotOpen):
            SEALER.open(bytes(changed), record_key=b"ep_1")


def test_a_value_that_is_cut_short_cannot_be_opened():
    sealed = SEALER.seal(b"secret", record_key=b"ep_1")
    for length in range(len(sealed)):
        with pytest.raises(CannotOpen):
            SEALER.open(sealed[:length], record_key=b"ep_1")


def test_another_key_is_named_by_its_id():
    sealed = Sealer(OTHER_KEY).seal(b"secret", record_key=b"ep_1")
    with pytest.raises(CannotOpen, match=rf"key {sealed[1:5].hex()}.*bring that key back"):
        SEALER.open(sealed, record_key=b"ep_1")


def test_after_a_change_of_keys_old_values_are_opened_and_new_ones_are_sealed_anew():
    changed = Sealer(OTHER_KEY, older=(KEY,))
    old = SEALER.seal(b"secret", record_key=b"ep_1")
    new = changed.seal(b"secret", record_key=b"ep_1")
    assert changed.open(old, record_key=b"ep_1") == changed.open(new, record_key=b"ep_1")
    with pytest.raises(CannotOpen):
        SEALER.open(new, record_key=b"ep_1")


def test_what_was_never_sealed_is_told_apart():
    with pytest.raises(CannotOpen, match="not a sealed value"):
        SEALER.open(b'{"secrets": []}' * 4, record_key=b"ep_1")


def test_a_key_is_read_from_a_setting():
    assert key_from_text(base64.b64encode(KEY).decode() + "\n", setting="x") == KEY


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "0 bytes"),
        (base64.b64encode(KEY[:31]).decode(), "31 bytes"),
        ("correct horse battery", "not base64"),
        ("é", "not base64"),
    ],
)
def test_a_setting_without_a_key_is_named_with_what_to_do_and_not_quoted(text: str, why: str):
    with pytest.raises(UnusableKey, match=rf"^PIPELINE_X: .*{why}.*openssl") as caught:
        key_from_text(text, setting="PIPELINE_X")
    assert not text or text not in str(caught.value)


def test_a_key_of_another_length_is_refused():
    with pytest.raises(UnusableKey, match="this one 16"):
        Sealer(KEY[:16])


def test_a_key_file_is_made_once_for_its_owner_alone(tmp_path: Path):
    path = tmp_path / "new" / "secrets.key"
    key = key_from_file(path)
    assert key_from_file(path) == key
    assert len(key) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["secrets.key"]


def test_processes_that_start_together_get_one_key(tmp_path: Path):
    for attempt in range(20):
        path = tmp_path / str(attempt) / "secrets.key"
        with ThreadPoolExecutor(8) as pool:
            keys = set(pool.map(key_from_file, [path] * 8))
        assert len(keys) == 1
        assert [entry.name for entry in path.parent.iterdir()] == ["secrets.key"]


def test_a_key_file_that_holds_no_key_is_named_and_left_alone(tmp_path: Path):
    path = tmp_path / "secrets.key"
    path.write_bytes(os.urandom(32))
    before = path.read_bytes()
    with pytest.raises(UnusableKey, match=str(path)):
        key_from_file(path)
    assert path.read_bytes() == before


def test_a_key_file_that_cannot_be_made_is_named(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(UnusableKey, match=r"secrets\.key: "):
        key_from_file(tmp_path / "file" / "secrets.key")
