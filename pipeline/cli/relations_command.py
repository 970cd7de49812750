"""`pipeline relations`: an account's relations with companies, their stars and data."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from pipeline.cli.accounts_command import AccountArgument
from pipeline.cli.api_access import KeyOption, api, at
from pipeline.cli.api_documents import value_of
from pipeline.cli.api_output import JsonFlag, LimitOption, show_fields, show_items
from pipeline.cli.terminal import examples, say

_NO_STAR: Final = "none"
_COLUMNS = ("company", "star", "data")

_group = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Relations of an account with companies, through the API.",
)
_kept = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="What an account keeps with a relation."
)

_Company = Annotated[
    str, typer.Argument(help="The company, as in the subject company/<id>.", show_default=False)
]
_Name = Annotated[str, typer.Argument(help="What it is kept under.", show_default=False)]
_Value = Annotated[str, typer.Argument(help="JSON, or text where it is none.", show_default=False)]


@_group.callback()
def relations() -> None:
    """Relations of an account with companies, through the API."""


@_kept.callback()
def relational_data() -> None:
    """What an account keeps with a relation."""


@_group.command("list", epilog=examples("pipeline relations list builder"))
def list_(
    account: AccountArgument,
    limit: LimitOption = 1000,
    key: KeyOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List an account's relations, in the order of the companies."""
    with api(key) as called:
        found = called.all_of(at("accounts", account, "relations"), limit=limit)
    show_items(found, _COLUMNS, as_json=as_json, none="no relations")


@_group.command(
    "set",
    epilog=examples(
        "pipeline relations set builder 4711 --star gold",
        "pipeline relations set builder 4711 --star none",
    ),
)
def set_(
    account: AccountArgument,
    company: _Company,
    star: Annotated[
        str, typer.Option(help="green, gold, black, or none: without one.", show_default=False)
    ],
    key: KeyOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Mark a company with a star, or with none. Its events reach the account while it has one."""
    with api(key) as called:
        found = called.put(
            at("accounts", account, "relations", company),
            {"star": None if star == _NO_STAR else star},
        )
    show_fields(found, as_json=as_json)


@_group.command(epilog=examples("pipeline relations remove builder 4711"))
def remove(account: AccountArgument, company: _Company, key: KeyOption = None) -> None:
    """Remove a relation and the data that is kept with it."""
    with api(key) as called:
        called.delete(at("accounts", account, "relations", company))
    say(f"{account} has no relation with {company} any more")


@_kept.command(
    "add", epilog=examples("""pipeline relations data add builder 4711 note '{"rating": 5}'""")
)
def add(
    account: AccountArgument,
    company: _Company,
    name: _Name,
    value: _Value,
    *,
    key: KeyOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Keep something with a relation."""
    with api(key) as called:
        found = called.post(
            at("accounts", account, "relations", company, "data"),
            {"key": name, "value": value_of(value)},
        )
    show_fields(found, as_json=as_json)


@_kept.command(
    "update", epilog=examples("pipeline relations data update builder 4711 note 'call back'")
)
def update(
    account: AccountArgument,
    company: _Company,
    name: _Name,
    value: _Value,
    *,
    key: KeyOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Replace what is kept with a relation under a name."""
    with api(key) as called:
        found = called.patch(
            at("accounts", account, "relations", company, "data", name),
            {"value": value_of(value)},
        )
    show_fields(found, as_json=as_json)


@_kept.command("remove", epilog=examples("pipeline relations data remove builder 4711 note"))
def remove_kept(
    account: AccountArgument, company: _Company, name: _Name, key: KeyOption = None
) -> None:
    """Remove what is kept with a relation under a name."""
    with api(key) as called:
        called.delete(at("accounts", account, "relations", company, "data", name))
    say(f"{name} is removed")


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    _group.add_typer(_kept, name="data")
    app.add_typer(_group, name="relations")
