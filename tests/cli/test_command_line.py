"""Help, mistakes in calling, and what one command line has in common."""

from __future__ import annotations

from pipeline.cli.main import COMMANDS
from tests.cli.command import Shell
from tests.running_pipeline import RunningPipeline

ENDPOINTS = """
accounts:
  - id: acme-{name}
    profile: standard-webhooks
    endpoints:
      - id: ep-{name}
        url: {url}
"""


def test_help_lists_every_command(bare_shell: Shell):
    ended = bare_shell.run("--help")
    listed = {line.split()[0] for line in ended.lines if line.startswith("  ") and line.split()}
    assert ended.status == 0
    assert set(COMMANDS) <= listed


def test_help_of_a_command_has_examples_that_are_not_folded(bare_shell: Shell):
    commands = [("publish", "--help"), ("offsets", "set", "--help")]
    for command, ended in zip(
        commands, bare_shell.run_together(commands, COLUMNS="60"), strict=True
    ):
        assert "Examples:" in [line.strip() for line in ended.lines]
        assert any(line.strip().startswith(f"pipeline {command[0]} ") for line in ended.lines)


def test_an_unknown_stage_is_refused_with_those_there_are(bare_shell: Shell):
    ended = bare_shell.run("run", "reciever")
    assert ended.status == 2
    assert "recorder" in ended.err


def test_endpoints_of_a_file_are_planned_then_made_and_secrets_shown_once(
    pipeline: RunningPipeline, shell: Shell
):
    name = shell.write("e.yaml", ENDPOINTS.format(name="a", url="https://example.com/hook"))
    planned = shell.run("endpoints", "apply", name, "--dry-run", "--json")
    assert planned.status == 0, planned.err
    assert {change["change"] for change in planned.json["changes"]} == {"created"}
    assert "secret" not in planned.json["changes"][1]
    made = shell.run("endpoints", "apply", name, "--json").json["changes"][1]
    assert (made["endpoint"], made["change"]) == ("ep-a", "created")
    assert made["secret"].startswith("whsec_")
    again = shell.run("endpoints", "apply", name, "--json").json["changes"]
    assert {change["change"] for change in again} == {"unchanged"}
    assert "secret" not in again[1]


def test_a_file_of_endpoints_that_is_wrong_is_refused_with_its_lines(
    pipeline: RunningPipeline, shell: Shell
):
    name = shell.write("e.yaml", ENDPOINTS.format(name="b", url="ftp://example.com/"))
    ended = shell.run("endpoints", "apply", name)
    assert ended.status == 2
    assert ended.error_lines[0].startswith("e.yaml:7: ")
