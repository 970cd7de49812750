from __future__ import annotations

import stat

from tests.cli.command import Shell


def test_what_was_exported_is_recognised_where_it_came_from(shell: Shell):
    exported = shell.run("export", "all.jsonl")
    assert exported.status == 0, exported.err
    assert exported.err.startswith("all.jsonl: ")
    path = shell.folder / "all.jsonl"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    shell.write("cut.jsonl", path.read_text().rpartition('{"kind":"end"')[0])
    planned, cut, no_key = shell.run_together(
        [
            ["import", "all.jsonl", "--dry-run", "--json"],
            ["import", "cut.jsonl"],
            ["export", "other.jsonl", "--seal-with", "all.jsonl"],
        ]
    )
    assert planned.status == 0, planned.err
    assert planned.json["new"] == planned.json["other"] == {}
    assert planned.err == "nothing was changed\n"
    assert (cut.status, cut.err) == (
        2,
        "cut.jsonl: it was cut short: its last line is missing; export again\n",
    )
    assert (no_key.status, no_key.out) == (2, "")
    assert no_key.err.startswith("--seal-with all.jsonl: not base64")
