from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pipeline.api.console.passwords import is_password
from pipeline.settings import Settings, StoreSettings
from pipeline.wiring.registry_store import opened_registry


def run(folder: Path, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pipeline", "operators", *arguments],
        env={"PIPELINE_DATA_DIR": str(folder), "COLUMNS": "100"},
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_operators_are_made_listed_and_removed(tmp_path: Path):
    refused = run(tmp_path, "add", "ada", "--password-stdin", given="short\n")
    assert refused.returncode == 2
    assert "12 to 256 characters" in refused.stderr
    assert run(tmp_path, "add", "a b", "--password-stdin", given="x" * 12).returncode == 2
    made = run(tmp_path, "add", "ada", "--password-stdin", given="a long enough one\n")
    assert made.returncode == 0, made.stderr
    assert "a long enough one" not in made.stdout + made.stderr
    assert "ada" in run(tmp_path, "list").stdout
    url = f"sqlite:///{tmp_path / 'store.sqlite'}"
    store = opened_registry(Settings(store=StoreSettings(url=url)))
    operator = store.operators.operator("ada")
    store.close()
    assert operator is not None
    assert is_password("a long enough one", operator.password_hash)
    assert run(tmp_path, "add", "ada", "--password-stdin", given="another one\n").returncode == 2
    changed = run(tmp_path, "add", "ada", "--password-stdin", given="yet another long one\n")
    assert changed.returncode == 0, changed.stderr
    assert run(tmp_path, "remove", "ada").returncode == 0
    assert run(tmp_path, "remove", "ada").returncode == 2
    store = opened_registry(Settings(store=StoreSettings(url=url)))
    found = store.audit.entries(account=None, before=None, limit=9)
    store.close()
    told = [(one.who, one.via, one.verb, one.kind, one.subject) for one in found]
    assert told == [
        ("operators remove", "command", "removed", "operator", "ada"),
        ("operators add", "command", "changed", "operator", "ada"),
        ("operators add", "command", "created", "operator", "ada"),
    ]
    assert "argon2" not in str(found), "not even a hash is told"
