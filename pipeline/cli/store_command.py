"""`pipeline store`: the schema of the store brought up to date before its processes are."""

from __future__ import annotations

import typer

from pipeline.adapters.storage.opening import open_store
from pipeline.adapters.storage.schema_version import known_versions
from pipeline.cli.loaded_settings import load_settings
from pipeline.cli.terminal import examples, say
from pipeline.wiring.configuration import store_url

_group = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Make the store, or bring it to this version.",
)


@_group.callback()
def store() -> None:
    """Make the store, or bring it to this version."""


@_group.command(epilog=examples("pipeline store migrate"))
def migrate() -> None:
    """Make the store's tables, or bring them to this version, in one transaction.

    Recorders and the API do so by themselves when they start. An upgrade that runs this first fails
    before it has replaced anything. Whoever else is migrating is waited for; doing it again does
    no harm. Needs no Kafka.
    """
    opened = open_store(store_url(load_settings()))
    opened.close()
    say(f"store {opened.place}: up to date (schema {known_versions()[-1]})")


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    app.add_typer(_group, name="store")
