"""`pipeline accounts`: customers, through the API."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli.api_access import KeyOption, api, at
from pipeline.cli.api_documents import FileOption, SetOption, changed, document_of, given_file
from pipeline.cli.api_output import JsonFlag, LimitOption, show_fields, show_items
from pipeline.cli.terminal import examples, say

_HELP = "Create, look at and change accounts, through the API."
_COLUMNS = ("id", "name", "profile", "plan", "webhooks_enabled", "owner_email")
_group = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=_HELP)

AccountArgument = Annotated[str, typer.Argument(help="Id of the account.", show_default=False)]
_Name = Annotated[str | None, typer.Option(help="For people.")]
_Profile = Annotated[str | None, typer.Option(help="The contract of its webhooks.")]
_Plan = Annotated[str | None, typer.Option(help="One of the profile's plans.")]
_Owner = Annotated[str | None, typer.Option(help="Who is told when an endpoint is switched off.")]
_Enabled = Annotated[
    bool | None, typer.Option("--enable/--disable", help="All its webhooks at once.")
]


@_group.callback()
def accounts() -> None:
    """Create, look at and change accounts, through the API."""


@_group.command(
    epilog=examples(
        "pipeline accounts create shop --name 'The shop'",
        "pipeline accounts create salon --profile calenso --plan basic --enable",
    )
)
def create(
    account: AccountArgument,
    *,
    name: _Name = None,
    profile: _Profile = None,
    plan: _Plan = None,
    owner_email: _Owner = None,
    webhooks_enabled: _Enabled = None,
    file: FileOption = None,
    sets: SetOption = None,
    key: KeyOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Create an account. Its id is yours to choose, and is never used twice."""
    given = given_file(file)
    fields = {"name": name, "profile": profile, "plan": plan, "owner_email": owner_email}
    document = document_of(given, sets, **fields, webhooks_enabled=webhooks_enabled)
    with api(key) as called:
        made = called.post(at("accounts"), {**document, "id": account}, file=given)
    show_fields(made, as_json=as_json)


@_group.command("list", epilog=examples("pipeline accounts list", "pipeline accounts list --json"))
def list_(limit: LimitOption = 1000, key: KeyOption = None, as_json: JsonFlag = False) -> None:
    """List accounts, in the order of their ids."""
    with api(key) as called:
        found = called.all_of(at("accounts"), limit=limit)
    show_items(found, _COLUMNS, as_json=as_json, none="no accounts")


@_group.command(epilog=examples("pipeline accounts show shop"))
def show(account: AccountArgument, key: KeyOption = None, as_json: JsonFlag = False) -> None:
    """Show one account."""
    with api(key) as called:
        show_fields(called.get(at("accounts", account)), as_json=as_json)


@_group.command(
    epilog=examples(
        "pipeline accounts update salon --plan business",
        "pipeline accounts update salon --disable --set plan=null",
    )
)
def update(
    account: AccountArgument,
    *,
    name: _Name = None,
    profile: _Profile = None,
    plan: _Plan = None,
    owner_email: _Owner = None,
    webhooks_enabled: _Enabled = None,
    file: FileOption = None,
    sets: SetOption = None,
    key: KeyOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Change what is given of an account; the rest stays."""
    given = given_file(file)
    fields = {"name": name, "profile": profile, "plan": plan, "owner_email": owner_email}
    document = changed(document_of(given, sets, **fields, webhooks_enabled=webhooks_enabled))
    with api(key) as called:
        found = called.patch(at("accounts", account), document, file=given)
    show_fields(found, as_json=as_json)


@_group.command(epilog=examples("pipeline accounts delete shop"))
def delete(account: AccountArgument, key: KeyOption = None) -> None:
    """Remove an account with its endpoints and keys, for good."""
    with api(key) as called:
        called.delete(at("accounts", account))
    say(f"{account} is removed")


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    app.add_typer(_group, name="accounts")
