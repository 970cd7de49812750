"""`pipeline import`: what another installation exported, into this one."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from pipeline.adapters.export_file.reading import ExportFileError
from pipeline.cli.command_context import opened_context
from pipeline.cli.endings import BadInput, CommandFailed
from pipeline.cli.export_command import counts_text
from pipeline.cli.terminal import examples, plain, say, write_json
from pipeline.wiring.import_check import Existing, Standing, Tallied
from pipeline.wiring.import_writing import Differs
from pipeline.wiring.importing import Imported, import_file, plan_import
from pipeline.wiring.table_publishing import Unacknowledged
from pipeline.wiring.table_reading import TablesUnread

_TOLD = {
    Standing.NEW: "new",
    Standing.SAME: "here already, the same",
    Standing.OTHER: "here already, and different",
}


def import_(
    file: Annotated[Path, typer.Argument(help="What `pipeline export` wrote.", show_default=False)],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would come of it, and change nothing.")
    ] = False,
    existing: Annotated[
        Existing,
        typer.Option(
            "--existing",
            help="What is here already and differs: refuse the whole file, keep what is here, or"
            " replace it.",
        ),
    ] = Existing.REFUSE,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Take in what another installation exported: into the store, and from there into the tables.

    The whole file is checked before anything is written. Whatever interrupts it, the same command
    again goes on. What is here and not in the file stays.
    """
    try:
        with opened_context() as context:
            if dry_run:
                imported = Imported(asyncio.run(plan_import(file, context)))
            else:
                imported = asyncio.run(import_file(file, context, existing))
    except ExportFileError as exc:
        raise BadInput(*map(plain, exc.lines)) from exc
    except Differs as exc:
        advice = "nothing was replaced: say --existing keep, or --existing replace"
        raise BadInput(*map(plain, exc.lines), advice) from exc
    except (TablesUnread, Unacknowledged) as exc:
        raise CommandFailed(str(exc)) from exc
    _show(imported, existing, as_json=as_json)
    if dry_run:
        say("nothing was changed")


def _show(imported: Imported, existing: Existing, *, as_json: bool) -> None:
    met = imported.met
    if as_json:
        write_json(_members(imported))
        return
    for standing, counts in met.counts.items():
        if counts:
            say(f"{_TOLD[standing]}: {counts_text(counts)}")
    if not any(met.counts.values()):
        say("the file says nothing")
    for line in met.differing:
        say(plain(line))
    if met.differing:
        say(f"--existing {existing.value}")
    if imported.sharing:
        say(
            "on the shared topic here, because delivery.dedicated_limit endpoints have one of their"
            f" own: {plain(', '.join(imported.sharing))}"
        )


def _members(imported: Imported) -> dict[str, object]:
    met: Tallied = imported.met
    return {
        **{standing.value: dict(counts) for standing, counts in met.counts.items()},
        "differing": met.differing,
        "sharing": imported.sharing,
    }


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "import",
        epilog=examples(
            "pipeline import everything.jsonl --dry-run",
            "pipeline import everything.jsonl",
            "pipeline import everything.jsonl --existing keep",
        ),
    )(import_)
