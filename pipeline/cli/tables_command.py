"""`pipeline tables`: the store, which is the truth, and the tables' topics brought together."""

from __future__ import annotations

import asyncio

import typer

from pipeline.cli.command_context import opened_context
from pipeline.cli.endings import CommandFailed
from pipeline.cli.terminal import examples, say
from pipeline.wiring.outbox_publishing import publish_pending
from pipeline.wiring.registry_adoption import (
    Adopted,
    AlreadyTrue,
    TableSides,
    adopt_tables,
    rebuild_tables,
)
from pipeline.wiring.table_publishing import Unacknowledged
from pipeline.wiring.table_reading import TablesUnread

_REBUILD_SECONDS = 600.0
_NOT_IN_KAFKA = (
    "Kafka has no API keys, operators, event types, data of relations, nor the audit log: make them"
    " anew, or import an export"
)

_group = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Bring the store and Kafka's tables together.",
)


@_group.callback()
def tables() -> None:
    """Bring the store and Kafka's tables together."""


@_group.command(epilog=examples("pipeline tables rebuild"))
def rebuild() -> None:
    """Publish all accounts, endpoints, relations and profiles of the store again.

    What only the tables know becomes removed. Needed after topics were deleted or lost; make them
    again first (pipeline topics apply). Does no harm where nothing is wrong.
    """
    with opened_context() as context:
        asyncio.run(_rebuilt(context.sides))
    say("the tables say what the store says")


@_group.command(epilog=examples("pipeline tables adopt"))
def adopt() -> None:
    """Take accounts and endpoints out of Kafka's tables into a store that has none.

    Applying endpoints, and the API when it starts, do so by themselves.
    """
    with opened_context() as context:
        adopted = asyncio.run(_adopted(context.sides))
    say(
        f"adopted {adopted.accounts} accounts, {adopted.endpoints} endpoints,"
        f" {adopted.relations} relations and {adopted.profiles} profiles"
    )
    say(_NOT_IN_KAFKA)


async def _rebuilt(sides: TableSides) -> None:
    try:
        await rebuild_tables(sides)
        await publish_pending(sides, wait_seconds=_REBUILD_SECONDS)
    except (TablesUnread, Unacknowledged) as exc:
        raise CommandFailed(str(exc)) from exc


async def _adopted(sides: TableSides) -> Adopted:
    try:
        return await adopt_tables(sides)
    except (TablesUnread, AlreadyTrue) as exc:
        raise CommandFailed(str(exc)) from exc


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    app.add_typer(_group, name="tables")
