"""`pipeline doctor`: each finding with its fix, and a status that a script can go by."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from tests.cli.command import UNREACHABLE, Ended, Shell
from tests.running_pipeline import RunningPipeline


def found(ended: Ended, check: str) -> list[dict[str, Any]]:
    return [finding for finding in ended.json["findings"] if finding["check"] == check]


def test_a_healthy_kafka_has_no_error(pipeline: RunningPipeline, shell: Shell):
    ended = shell.run("doctor", "--json")
    assert (ended.status, ended.json["errors"]) == (0, 0), ended.out
    for check in ("kafka", "kafka version", "topics", "brokers' settings", "clock"):
        (finding,) = found(ended, check)
        assert (finding["level"], finding["fix"]) == ("ok", None), finding
    (networks,) = found(ended, "allowed networks")
    assert networks["level"] == "warning"
    assert "127.0.0.0/8" in networks["text"]


def test_missing_topics_and_a_broken_key_and_store_are_errors(
    pipeline: RunningPipeline, shell: Shell
):
    shell.write("store.sqlite", "this is no database, whatever its name says" * 100)
    ended = shell.run(
        *("doctor", "--json"),
        PIPELINE_KAFKA__TOPIC_PREFIX="nobody-made-these.",
        PIPELINE_SECRETS__KEY="c2hvcnQ=",
        PIPELINE_STORE__URL=f"sqlite:///{shell.folder}/store.sqlite",
    )
    assert ended.status == 1
    (key,), (store,) = found(ended, "secrets key"), found(ended, "store")
    assert (key["level"], store["level"]) == ("error", "error")
    assert "c2hvcnQ=" not in ended.out
    topics = found(ended, "topics")
    assert {finding["level"] for finding in topics} == {"error"}
    assert {finding["fix"] for finding in topics} == {"run pipeline topics apply"}


def test_what_is_not_ok_has_a_fix_below_it_an_error_ends_with_1_and_nothing_is_made(
    bare_shell: Shell,
):
    ended = bare_shell.run("doctor", PIPELINE_KAFKA__BOOTSTRAP_SERVERS=UNREACHABLE)
    assert ended.status == 1
    levels = [line.split()[0] for line in ended.lines]
    assert levels[-2:] == ["error", "->"]
    assert UNREACHABLE in ended.lines[-2]
    for level, following in pairwise(levels):
        assert (following == "->") == (level in {"warning", "error"})
    assert list(bare_shell.folder.iterdir()) == []
