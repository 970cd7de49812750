"""`pipeline event-types`: what kinds of events there are, and what they look like."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.api_access import KeyOption, api, at
from pipeline.cli.api_documents import fields_of, needed_file
from pipeline.cli.api_output import JsonFlag, LimitOption, show_fields, show_items
from pipeline.cli.endings import BadInput
from pipeline.cli.terminal import examples, say

_COLUMNS = ("type", "description", "updated_at")
_group = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Describe event types, with schemas and samples, through the API.",
)

_Type = Annotated[
    str, typer.Argument(metavar="TYPE", help="Such as order.paid.", show_default=False)
]
_File = Annotated[
    Path,
    typer.Argument(help="description, sample and schema? in YAML or JSON.", show_default=False),
]


@_group.callback()
def event_types() -> None:
    """Describe event types, with schemas and samples, through the API."""


@_group.command("list", epilog=examples("pipeline event-types list"))
def list_(limit: LimitOption = 1000, key: KeyOption = None, as_json: JsonFlag = False) -> None:
    """List event types."""
    with api(key) as called:
        found = called.all_of(at("event-types"), limit=limit)
    show_items(found, _COLUMNS, as_json=as_json, none="no event types")


@_group.command(epilog=examples("pipeline event-types show order.paid"))
def show(event_type: _Type, key: KeyOption = None, as_json: JsonFlag = False) -> None:
    """Show an event type."""
    with api(key) as called:
        show_fields(called.get(at("event-types", event_type)), as_json=as_json)


@_group.command(epilog=examples("pipeline event-types put order.paid order-paid.yaml"))
def put(event_type: _Type, file: _File, key: KeyOption = None, as_json: JsonFlag = False) -> None:
    """Describe an event type, a new one or one that there is.

    Where it has a schema, events of this type that do not fit it are refused.
    """
    given = needed_file(file)
    document = fields_of(given)
    if document.pop("type", event_type) != event_type:
        raise BadInput(f"{file}: type: not {event_type}: leave it out, or write the same")
    with api(key) as called:
        found = called.put_or_post(
            at("event-types", event_type), document, {**document, "type": event_type}, file=given
        )
    show_fields(found, as_json=as_json)


@_group.command(epilog=examples("pipeline event-types delete order.paid"))
def delete(event_type: _Type, key: KeyOption = None) -> None:
    """Forget an event type; its events are delivered as before, and checked no more."""
    with api(key) as called:
        called.delete(at("event-types", event_type))
    say(f"{event_type} is forgotten")


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    app.add_typer(_group, name="event-types")
