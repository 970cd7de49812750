"""`pipeline endpoints`: accounts and their endpoints, from a file into the store and the tables."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from pipeline.adapters.endpoint_file import EndpointFileError, read_endpoint_file
from pipeline.cli.command_context import opened_context
from pipeline.cli.endings import BadInput, CommandFailed
from pipeline.cli.endpoint_actions import add_actions
from pipeline.cli.endpoint_resources import add_resources
from pipeline.cli.terminal import coloured, examples, output, plain, say, table, write_json
from pipeline.domain.change_plan import Change, ChangeLine
from pipeline.domain.endpoint_topics import CannotMove, Placement
from pipeline.wiring.endpoint_changes import (
    ChangeContext,
    NotPublished,
    Unsettled,
    apply_changes,
    plan_file,
)
from pipeline.wiring.endpoint_move import NoEndpoint, move_endpoint
from pipeline.wiring.table_publishing import Unacknowledged
from pipeline.wiring.table_reading import TablesUnread

_group = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Create, look at and change endpoints, one by one or from a file.",
)

_COLOURS: Final = {Change.CREATED: "green", Change.CHANGED: "yellow", Change.REMOVED: "red"}
_COLUMNS: Final = ("account", "endpoint", "", "what", "to")


@_group.callback()
def endpoints() -> None:
    """Create, look at and change endpoints, one by one or from a file."""


@_group.command(
    epilog=examples(
        "pipeline endpoints apply endpoints.yaml --dry-run",
        "pipeline endpoints apply endpoints.yaml",
    ),
)
def apply(
    file: Annotated[
        Path,
        typer.Argument(help="A YAML file of accounts with their endpoints.", show_default=False),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Make accounts and endpoints what a file says. What it does not name stays as it is.

    The whole file is checked before anything is written. Signing secrets that are made are printed
    once, here and never again.
    """
    try:
        with opened_context() as context:
            lines = asyncio.run(_changed(file, context) if not dry_run else _planned(file, context))
    except EndpointFileError as exc:
        raise BadInput(*exc.lines) from exc
    except (TablesUnread, Unsettled) as exc:
        raise CommandFailed(str(exc)) from exc
    except NotPublished as exc:
        _show(exc.lines, as_json=as_json)
        raise CommandFailed(str(exc)) from exc
    _show(
        [replace(line, made=type(line.made)()) for line in lines] if dry_run else lines,
        as_json=as_json,
    )
    if dry_run:
        say("nothing was changed")


@_group.command(
    epilog=examples(
        "pipeline endpoints move ep-crm --to dedicated",
        "pipeline endpoints move ep-crm --to shared",
    ),
)
def move(
    endpoint: Annotated[str, typer.Argument(help="Id of the endpoint.", show_default=False)],
    to: Annotated[
        Placement,
        typer.Option("--to", help="Its own topic, or the shared one.", show_default=False),
    ],
) -> None:
    """Give an endpoint a delivery topic of its own, or let it share one, while everything runs.

    What lies in the topic before is still delivered. Until that is empty two processes may send to
    the endpoint, so its limits may be reached twice.
    """
    try:
        with opened_context() as context:
            before, after = asyncio.run(move_endpoint(endpoint, to, context))
    except (NoEndpoint, CannotMove) as exc:
        raise BadInput(f"{endpoint}: {exc}") from exc
    except (TablesUnread, Unacknowledged) as exc:
        raise CommandFailed(str(exc)) from exc
    if before == after:
        say(f"{endpoint} is in {after.topic} already; nothing was changed")
    else:
        say(f"{endpoint} moves from {before.topic} to {after.topic}")


async def _changed(file: Path, context: ChangeContext) -> Sequence[ChangeLine]:
    return await apply_changes(read_endpoint_file(file), context)


async def _planned(file: Path, context: ChangeContext) -> Sequence[ChangeLine]:
    return (await plan_file(read_endpoint_file(file), context)).lines


def _show(lines: Sequence[ChangeLine], *, as_json: bool) -> None:
    if as_json:
        write_json({"changes": [_members(line) for line in lines]})
        return
    grid = table(_COLUMNS)
    for line in lines:
        grid.add_row(
            plain(line.account),
            plain(line.endpoint),
            coloured(line.change, _COLOURS.get(line.change, "dim")),
            plain(", ".join(line.fields)) if line.change is Change.CHANGED else "",
            plain(line.url) if line.url else "",
        )
    console = output()
    console.print(grid)
    for line in lines:
        for name, value in _made(line).items():
            console.print(Text(f"{plain(line.endpoint)}  {name}  {value}"), soft_wrap=True)
    for line in lines:
        if line.needs_consent:
            name = plain(line.endpoint)
            say(f"{name} is pending: pipeline endpoints activate {name} asks its receiver")


def _made(line: ChangeLine) -> dict[str, str]:
    made = {
        "secret": line.made.secret,
        "signing_key": line.made.signing_key,
        "public_key": line.made.public_key,
    }
    return {name: value for name, value in made.items() if value is not None}


def _members(line: ChangeLine) -> dict[str, Any]:
    return {
        "account": line.account,
        "endpoint": line.endpoint,
        "change": line.change,
        "fields": line.fields,
        "url": line.url,
        "topic": line.topic,
        "needs_consent": line.needs_consent,
        **_made(line),
    }


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    add_resources(_group)
    add_actions(_group)
    app.add_typer(_group, name="endpoints")
