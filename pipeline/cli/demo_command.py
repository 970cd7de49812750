"""`pipeline demo`: everything on one machine, with sample events."""

from __future__ import annotations

import contextlib
from typing import Annotated

import typer
from rich.console import Console

from pipeline.cli.endings import FAILED, CommandFailed
from pipeline.cli.loaded_settings import load_settings
from pipeline.cli.log_lines import log_warnings_alone
from pipeline.cli.terminal import examples
from pipeline.cli.up_command import say_to_whom_listens
from pipeline.demo.performance import Performance
from pipeline.demo.report import report_lines
from pipeline.demo.screen import LiveTable, PlainLines
from pipeline.supervisor.ending import Ending
from pipeline.wiring.demonstration import Show, run_demo
from pipeline.wiring.everything import CannotRun


def demo(
    once: Annotated[
        bool,
        typer.Option(
            "--once", help="End when everything has arrived: status 0 if it did as it should."
        ),
    ] = False,
) -> None:
    """Show everything at work: the sample events of five products, delivered and verified.

    Runs what `pipeline up` runs, in a folder of its own (.pipeline/demo), and a receiver that
    checks every request by each product's own documents. Some of its endpoints misbehave, so that
    retries and dead letters are seen too. Without --once it goes on, with new events every 15 s.
    """
    console = Console(highlight=False, markup=False, emoji=False)
    with Ending() as ending:
        settings = load_settings()
        log_warnings_alone()
        show = Show(
            # Above the table, where there is one.
            say=console.print if console.is_terminal else say_to_whom_listens,
            screen=lambda: LiveTable(console) if console.is_terminal else PlainLines(_print),
            play=Performance.play_once if once else Performance.play_on,
        )
        try:
            result = run_demo(settings, show, ending)
        except CannotRun as exc:
            raise CommandFailed(str(exc)) from exc
    if result is None:
        raise CommandFailed("it ended before anything was published")
    for text in report_lines(result):
        _print(text)
    if once and result.problems:
        raise typer.Exit(FAILED)


def _print(text: str) -> None:
    with contextlib.suppress(OSError):  # whoever read it has seen enough
        typer.echo(text)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        short_help="Show everything at work, with sample events.",
        epilog=examples("pipeline demo", "pipeline demo --once"),
    )(demo)
