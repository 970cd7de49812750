"""`pipeline endpoints create|list|show|update|delete`: endpoints, through the API."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from pipeline.cli.api_access import KeyOption, api, at
from pipeline.cli.api_documents import FileOption, SetOption, changed, document_of, given_file
from pipeline.cli.api_output import JsonFlag, LimitOption, show_fields, show_items
from pipeline.cli.terminal import examples, say

_COLUMNS = ("id", "status", "to", "profile", "event_types", "order", "status_reason")

EndpointArgument = Annotated[str, typer.Argument(help="Id of the endpoint.", show_default=False)]
_Account = Annotated[str, typer.Argument(help="Id of its account.", show_default=False)]
_Id = Annotated[str | None, typer.Option("--id", help="Chosen by you; made without it.")]
_Url = Annotated[str | None, typer.Option(help="Where events are posted to.")]
_Email = Annotated[str | None, typer.Option(help="Where they are mailed to instead.")]
_Types = Annotated[
    list[str] | None,
    typer.Option("--event-type", help="Such as order.*; several are given one by one."),
]


def create(
    account: _Account,
    *,
    url: _Url = None,
    email: _Email = None,
    endpoint_id: _Id = None,
    event_types: _Types = None,
    file: FileOption = None,
    sets: SetOption = None,
    key: KeyOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Create an endpoint. Its signing secret is shown here and never again."""
    given = given_file(file)
    document = document_of(
        given, sets, id=endpoint_id, url=url, email=email, event_types=event_types or None
    )
    with api(key) as called:
        made = called.post(at("accounts", account, "endpoints"), document, file=given)
    show_fields(made, as_json=as_json)


def list_(
    account: _Account, limit: LimitOption = 1000, key: KeyOption = None, as_json: JsonFlag = False
) -> None:
    """List an account's endpoints."""
    with api(key) as called:
        items, has_more = called.all_of(at("accounts", account, "endpoints"), limit=limit)
    shown = items if as_json else [_row(item) for item in items]
    show_items((shown, has_more), _COLUMNS, as_json=as_json, none="no endpoints")


def show(endpoint: EndpointArgument, key: KeyOption = None, as_json: JsonFlag = False) -> None:
    """Show one endpoint; what is secret of it is not shown."""
    with api(key) as called:
        show_fields(called.get(at("endpoints", endpoint)), as_json=as_json)


def update(
    endpoint: EndpointArgument,
    *,
    url: _Url = None,
    email: _Email = None,
    event_types: _Types = None,
    file: FileOption = None,
    sets: SetOption = None,
    key: KeyOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Change what is given of an endpoint; the rest stays."""
    given = given_file(file)
    options = {"url": url, "email": email, "event_types": event_types or None}
    document = changed(document_of(given, sets, **options))
    with api(key) as called:
        found = called.patch(at("endpoints", endpoint), document, file=given)
    show_fields(found, as_json=as_json)


def delete(endpoint: EndpointArgument, key: KeyOption = None) -> None:
    """Remove an endpoint, for good; what waits for it becomes dead letters."""
    with api(key) as called:
        called.delete(at("endpoints", endpoint))
    say(f"{endpoint} is removed")


def _row(item: dict[str, Any]) -> dict[str, Any]:
    return {
        **item,
        "to": item.get("email") or item.get("url"),
        "event_types": item.get("event_types") or "all",
    }


def add_resources(group: typer.Typer) -> None:
    """Add the commands to `pipeline endpoints`."""
    group.command(
        epilog=examples(
            "pipeline endpoints create shop --url https://example.com/hooks --event-type 'order.*'",
            "pipeline endpoints create shop --file endpoint.yaml",
            """pipeline endpoints create shop --url https://example.com/ --set 'auth={"type": """
            """"bearer", "token": "s3cret"}'""",
        )
    )(create)
    group.command("list", epilog=examples("pipeline endpoints list shop"))(list_)
    group.command(epilog=examples("pipeline endpoints show shop-orders --json"))(show)
    group.command(
        epilog=examples(
            "pipeline endpoints update shop-orders --url https://example.com/v2",
            """pipeline endpoints update shop-orders --set 'filter={"data.sum": {"$gte": 100}}'""",
            "pipeline endpoints update shop-orders --set rate_limit=null",
        )
    )(update)
    group.command(epilog=examples("pipeline endpoints delete shop-orders"))(delete)
