"""`pipeline profiles`: the contracts of webhooks, shipped ones and an operator's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli.api_access import KeyOption, api, at
from pipeline.cli.api_documents import fields_of, needed_file
from pipeline.cli.api_output import JsonFlag, LimitOption, show_fields, show_items
from pipeline.cli.endings import BadInput
from pipeline.cli.terminal import examples, say

_COLUMNS = ("name", "shipped", "description", "updated_at")
_group = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Look at and define profiles, by the API."
)

_Name = Annotated[str, typer.Argument(metavar="PROFILE", help="Its name.", show_default=False)]
_File = Annotated[
    Path, typer.Argument(help="The whole profile in YAML or JSON.", show_default=False)
]


@_group.callback()
def profiles() -> None:
    """Look at and define profiles, by the API."""


@_group.command("list", epilog=examples("pipeline profiles list"))
def list_(limit: LimitOption = 1000, key: KeyOption = None, as_json: JsonFlag = False) -> None:
    """List profiles, those that are shipped too."""
    with api(key) as called:
        items, has_more = called.all_of(at("profiles"), limit=limit)
    shown = items if as_json else [_row(item) for item in items]
    show_items((shown, has_more), _COLUMNS, as_json=as_json, none="no profiles")


@_group.command(epilog=examples("pipeline profiles show standard-webhooks --json"))
def show(profile: _Name, key: KeyOption = None, as_json: JsonFlag = False) -> None:
    """Show a profile, with all that it fixes."""
    with api(key) as called:
        found = called.get(at("profiles", profile))
    show_fields(found if as_json else _flat(found), as_json=as_json)


@_group.command(epilog=examples("pipeline profiles put shop.yaml"))
def put(file: _File, key: KeyOption = None, as_json: JsonFlag = False) -> None:
    """Define a profile of your own, or replace one. It is called as the file's `name` says."""
    given = needed_file(file)
    document = fields_of(given)
    name = document.get("name")
    if not isinstance(name, str):
        raise BadInput(f"{file}: name: missing: write the profile's name")
    with api(key) as called:
        found = called.put_or_post(at("profiles", name), document, document, file=given)
    show_fields(found if as_json else _flat(found), as_json=as_json)


@_group.command(epilog=examples("pipeline profiles delete shop"))
def delete(profile: _Name, key: KeyOption = None) -> None:
    """Remove a profile of your own that no account and no endpoint has."""
    with api(key) as called:
        called.delete(at("profiles", profile))
    say(f"{profile} is removed")


def _row(item: dict[str, Any]) -> dict[str, Any]:
    return {**item, "description": item["document"].get("description")}


def _flat(item: dict[str, Any]) -> dict[str, Any]:
    """The document's fields in the place of the document."""
    outer = {name: value for name, value in item.items() if name != "document"}
    return {**outer, **item["document"]}


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    app.add_typer(_group, name="profiles")
