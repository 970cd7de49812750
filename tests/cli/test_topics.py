"""`pipeline topics`: what is planned, what is made, and that a second time nothing is."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from tests.cli.command import UNREACHABLE, Shell
from tests.kafka_broker import SessionBroker


@pytest.fixture
def new_shell(broker: SessionBroker, tmp_path: Path) -> Shell:
    """Of a pipeline that has no topics yet."""
    return Shell(
        tmp_path,
        {
            "PIPELINE_KAFKA__BOOTSTRAP_SERVERS": broker.bootstrap_servers,
            "PIPELINE_KAFKA__TOPIC_PREFIX": f"t{uuid.uuid4().hex[:10]}.",
        },
    )


def test_what_is_missing_is_planned_and_made_and_then_nothing_is_left(new_shell: Shell):
    planned = new_shell.run("topics", "plan", "--json")
    kinds = {found["kind"] for found in planned.json["differences"]}
    assert (planned.status, kinds) == (0, {"missing"})
    applied = new_shell.run("topics", "apply")
    created = [line.removeprefix("created ") for line in applied.lines]
    assert applied.status == 0
    assert sorted(created) == sorted(found["topic"] for found in planned.json["differences"])
    assert new_shell.run("topics", "plan", "--json").json == {"differences": []}
    assert new_shell.run("topics", "apply").lines == ["nothing to do"]


def test_a_broken_file_of_topics_is_refused_with_its_line(bare_shell: Shell):
    name = bare_shell.write("topics.yaml", "sources:\n  - {topic: events, formt: auto}\n")
    ended = bare_shell.run(
        "topics",
        "plan",
        PIPELINE_KAFKA__TOPICS_FILE=name,
        PIPELINE_KAFKA__BOOTSTRAP_SERVERS=UNREACHABLE,
    )
    assert ended.status == 2
    assert "topics.yaml:" in ended.err
    assert "Traceback" not in ended.err
