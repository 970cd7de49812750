"""`pipeline store migrate`: it needs no Kafka, can be repeated, and says what is wrong."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from pipeline.adapters.storage.schema_version import VERSION_TABLE, known_versions
from tests.cli.command import Shell


def test_a_store_is_made_and_a_second_time_left_as_it_is(bare_shell: Shell):
    url = {"PIPELINE_STORE__URL": f"sqlite:///{bare_shell.folder / 'own.sqlite'}"}
    made = bare_shell.run("store", "migrate", **url)
    again = bare_shell.run("store", "migrate", **url)
    assert (made.status, again.status) == (0, 0), made.err + again.err
    assert known_versions()[-1] in made.err
    with closing(sqlite3.connect(bare_shell.folder / "own.sqlite")) as file:
        version = file.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchall()  # noqa: S608 - a constant
    assert version == [(known_versions()[-1],)]


def test_a_store_that_cannot_be_used_ends_it_with_a_line_and_no_password(bare_shell: Shell):
    bare_shell.write("none.sqlite", "this is no database, though it is long enough to be one" * 9)
    for url, status in (
        (f"sqlite:///{bare_shell.folder / 'none.sqlite'}", 1),
        ("postgresql+psycopg://somebody:hidden-word@127.0.0.1:9/nowhere", 1),
    ):
        ended = bare_shell.run("store", "migrate", PIPELINE_STORE__URL=url)
        assert ended.status == status
        assert len(ended.error_lines) == 1
        assert "hidden-word" not in ended.err
