"""`pipeline keys`: who may call the API."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from pipeline.cli.api_access import KeyOption, api, at
from pipeline.cli.api_documents import document_of
from pipeline.cli.api_output import JsonFlag, LimitOption, show_fields, show_items
from pipeline.cli.terminal import examples, say

_COLUMNS = ("id", "name", "account", "access", "last_used_at", "expires_at", "revoked_at")
_group = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Make and revoke keys of the API."
)

_Account = Annotated[
    str | None, typer.Option(help="Of this account; an operator's without it.", show_default=False)
]


class KeyAccess(StrEnum):
    """What a key may do with what it may see."""

    READ = "read"
    FULL = "full"


@_group.callback()
def keys() -> None:
    """Make and revoke keys of the API."""


@_group.command(
    epilog=examples(
        "pipeline keys create 'billing service'",
        "pipeline keys create portal --account shop --access read",
        "pipeline keys create trial --account shop --expires-at 2027-01-01T00:00:00Z",
    )
)
def create(
    name: Annotated[str, typer.Argument(help="For people.", show_default=False)],
    *,
    account: _Account = None,
    access: Annotated[
        KeyAccess, typer.Option(help="Everything, or only reading.")
    ] = KeyAccess.FULL,
    expires_at: Annotated[str | None, typer.Option(help="In RFC 3339; never without it.")] = None,
    key: KeyOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Make a key. Its text is shown here and never again."""
    document = document_of(
        None, None, name=name, account=account, access=access, expires_at=expires_at
    )
    with api(key) as called:
        show_fields(called.post(at("keys"), document), as_json=as_json)


@_group.command("list", epilog=examples("pipeline keys list", "pipeline keys list --account shop"))
def list_(
    account: Annotated[str | None, typer.Option(help="Only this account's.")] = None,
    limit: LimitOption = 1000,
    key: KeyOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List keys, revoked ones too."""
    query = {} if account is None else {"account": account}
    with api(key) as called:
        found = called.all_of(at("keys"), limit=limit, query=query)
    show_items(found, _COLUMNS, as_json=as_json, none="no keys")


@_group.command(epilog=examples("pipeline keys revoke key_01JNB9Q4J7Z4X9V1T0Q6W8R2EA"))
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The key's.", show_default=False)],
    key: KeyOption = None,
) -> None:
    """Revoke a key, at once."""
    with api(key) as called:
        called.delete(at("keys", key_id))
    say(f"{key_id} is revoked")


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    app.add_typer(_group, name="keys")
