"""`pipeline secrets`: the keys that endpoints' secrets are sealed with."""

from __future__ import annotations

import asyncio

import typer

from pipeline.adapters.sealing import KeyFile, UnusableKey
from pipeline.cli.command_context import opened_context
from pipeline.cli.endings import BadInput, CommandFailed
from pipeline.cli.loaded_settings import load_settings
from pipeline.cli.terminal import examples, say
from pipeline.wiring.configuration import key_file
from pipeline.wiring.endpoint_changes import ChangeContext
from pipeline.wiring.secret_rotation import Resealed, rotate_secrets
from pipeline.wiring.table_publishing import Unacknowledged
from pipeline.wiring.table_reading import TablesUnread

_group = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Change the key that endpoints' secrets are sealed with.",
)


@_group.callback()
def secrets() -> None:
    """Change the key that endpoints' secrets are sealed with."""


@_group.command(epilog=examples("pipeline secrets rotate"))
def rotate() -> None:
    """Seal every endpoint's secrets anew with the newest key, while everything runs.

    Where the key lies in a file, a new one is put into it first, and whoever reads that file
    follows. Where it is set, change it in three steps, each on every process before the next: the
    new key into PIPELINE_SECRETS__OLDER_KEYS; the new one into PIPELINE_SECRETS__KEY and the old
    one into PIPELINE_SECRETS__OLDER_KEYS; then this command. Receivers notice nothing: what they
    verify with stays the same.
    """
    settings = load_settings()
    try:
        file = key_file(settings) if settings.secrets.key is None else None
        with opened_context() as context:
            resealed = asyncio.run(_rotated(context, file))
    except UnusableKey as exc:
        raise BadInput(str(exc)) from exc
    if file is not None and resealed.has_new_key:
        say(f"a new key is the first in {file.path}; the older ones there open what they sealed")
    say(f"sealed {resealed.sealed_anew} endpoints' secrets anew")
    if resealed.unreadable:
        raise CommandFailed(
            f"no key here opens the secrets of {', '.join(resealed.unreadable)}: bring the key back"
            " that they are sealed with, or give these endpoints new secrets"
        )


async def _rotated(context: ChangeContext, file: KeyFile | None) -> Resealed:
    try:
        return await rotate_secrets(context.sides, context.sealer, file)
    except (TablesUnread, Unacknowledged) as exc:
        raise CommandFailed(str(exc)) from exc


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    app.add_typer(_group, name="secrets")
