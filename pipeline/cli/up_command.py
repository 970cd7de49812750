"""`pipeline up`: everything on one machine."""

from __future__ import annotations

import contextlib

import typer

from pipeline.cli.endings import CommandFailed
from pipeline.cli.loaded_settings import load_settings
from pipeline.cli.log_lines import log_warnings_alone
from pipeline.cli.terminal import examples
from pipeline.supervisor.ending import Ending
from pipeline.wiring.everything import CannotRun, Programme, run_everything


def up() -> None:
    """Run everything on this machine, with no configuration: an embedded Kafka and every stage.

    Everything that is kept lies in one folder (.pipeline; setting PIPELINE_DATA_DIR). With
    PIPELINE_KAFKA__BOOTSTRAP_SERVERS the stages use that cluster instead. What dies is started
    again within a second. /readyz on port 8080 (PIPELINE_API__PORT) answers 200 once every stage
    consumes. SIGTERM or Ctrl-C ends it within 15 s; a second Ctrl-C at once.
    """
    with Ending() as ending:
        settings = load_settings()
        log_warnings_alone()
        programme = Programme(
            say=say_to_whom_listens,
            environment={},
            folder=None,
            before_stages=lambda _: None,
            when_ready=lambda: None,
        )
        try:
            run_everything(settings, programme, ending)
        except CannotRun as exc:
            raise CommandFailed(str(exc)) from exc


def say_to_whom_listens(text: str) -> None:
    """A line for people; a terminal that was closed meanwhile stops nothing."""
    with contextlib.suppress(OSError):
        typer.echo(text, err=True)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        short_help="Run everything on this machine.",
        epilog=examples("pipeline up", "PIPELINE_API__PORT=9000 pipeline up"),
    )(up)
