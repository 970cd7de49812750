"""`pipeline doctor`: what is wrong, or soon will be, and how to mend it."""

from __future__ import annotations

from typing import Annotated, Final

import typer
from rich.console import Console
from rich.text import Text

from pipeline.cli.loaded_settings import load_settings
from pipeline.cli.log_lines import log_warnings_alone
from pipeline.cli.terminal import examples, output, plain, write_json
from pipeline.wiring.doctor.diagnosis import findings
from pipeline.wiring.doctor.finding import Finding, Level

_COLOURS: Final = {Level.OK: "green", Level.WARNING: "yellow", Level.ERROR: "bold red"}
_WIDTH: Final = 8


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False) -> None:
    """Look at settings, machine, store, processes and Kafka; say what is wrong and how to mend it.

    Nothing is changed, but for a tombstone in the topic of positions, by whose time the clocks are
    compared. The exit status is 1 if there is an error; warnings are none.
    """
    settings = load_settings()
    log_warnings_alone()
    found: list[Finding] = []
    console = output()
    for finding in findings(settings):
        found.append(finding)
        if not as_json:
            _show(console, finding)
    errors = sum(finding.level is Level.ERROR for finding in found)
    if as_json:
        warnings = sum(finding.level is Level.WARNING for finding in found)
        items = [finding._asdict() for finding in found]
        write_json({"errors": errors, "warnings": warnings, "findings": items})
    if errors:
        raise typer.Exit(1)


def _show(console: Console, finding: Finding) -> None:
    line = Text()
    line.append(f"{finding.level:<{_WIDTH}}", _COLOURS[finding.level])
    line.append(f"{finding.check}: {plain(finding.text)}")
    console.print(line, soft_wrap=True)
    if finding.fix is not None:
        console.print(Text(f"{'':{_WIDTH}}-> {plain(finding.fix)}"), soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        short_help="Say what is wrong and how to mend it.",
        epilog=examples(
            "pipeline doctor",
            "pipeline doctor --json",
        ),
    )(doctor)
