"""`pipeline operators`: who signs in to the console with a password."""

from __future__ import annotations

import re
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated, Final

import typer

from pipeline.api.console.passwords import UnusablePassword, check_password, hash_of_password
from pipeline.cli.endings import BadInput
from pipeline.cli.loaded_settings import load_settings
from pipeline.cli.log_lines import log_warnings_alone
from pipeline.cli.terminal import examples, output, say, table, time_text
from pipeline.clock import now_ms
from pipeline.domain.audit import Author
from pipeline.operating import Operator, OperatorStore
from pipeline.wiring.registry_store import opened_registry

_NAME: Final = re.compile(r"[A-Za-z0-9_.@-]{1,64}")
_group = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Who signs in to the console."
)
_Name = Annotated[str, typer.Argument(help="Letters, digits and _.@-", show_default=False)]


@_group.callback()
def operators() -> None:
    """Who signs in to the console with a name and a password."""


@_group.command(
    epilog=examples(
        "pipeline operators add ada", "pipeline operators add ada --password-stdin < file"
    )
)
def add(
    name: _Name,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read it there, instead of asking.")
    ] = False,
) -> None:
    """Make an operator, or give one another password, which ends that operator's sessions."""
    if not _NAME.fullmatch(name):
        raise BadInput(f"{name!r}: a name has 1 to 64 letters, digits and _.@-")
    password = _given_password(is_piped=password_stdin)
    try:
        check_password(password)
    except UnusablePassword as exc:
        raise BadInput(str(exc)) from exc
    with _store() as store:
        made = Operator(name, hash_of_password(password), now_ms())
        store.put_operator(made, Author("operators add", "command"))
    say(f"{name} may sign in to the console")


@_group.command("list", epilog=examples("pipeline operators list"))
def list_() -> None:
    """List operators."""
    grid = table(("name", "since"))
    with _store() as store:
        found = store.operators()
    for operator in found:
        grid.add_row(operator.name, time_text(operator.created_at_ms))
    if found:
        output().print(grid)
    else:
        say("no operators; the operator's key signs in as well")


@_group.command(epilog=examples("pipeline operators remove ada"))
def remove(name: _Name) -> None:
    """Remove an operator, whose sessions end at once."""
    with _store() as store:
        if not store.remove_operator(name, Author("operators remove", "command")):
            raise BadInput(f"there is no operator {name}")
    say(f"{name} may not sign in any more")


@contextmanager
def _store() -> Generator[OperatorStore]:
    log_warnings_alone()
    opened = opened_registry(load_settings())
    try:
        yield opened.operators
    finally:
        opened.close()


def _given_password(*, is_piped: bool) -> str:
    if is_piped:
        return sys.stdin.readline().rstrip("\n")
    return typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    app.add_typer(_group, name="operators")
