"""`pipeline deliveries`: what became of each event at each endpoint, and what was sent."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from pipeline.cli.api_access import KeyOption, api, at
from pipeline.cli.api_output import JsonFlag, LimitOption, show_fields, show_items
from pipeline.cli.terminal import examples, say

_COLUMNS = (
    *("id", "created_at", "endpoint", "event_type", "cause"),
    *("status", "http_status", "attempts", "next_attempt_at"),
)
_ATTEMPT_COLUMNS = (
    *("attempt", "started_at", "duration_ms", "outcome"),
    *("http_status", "decision", "error", "next_attempt_at"),
)
_group = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Look up what became of events, see what was sent, and send it again.",
)

_Delivery = Annotated[str, typer.Argument(metavar="ID", help="The delivery's.", show_default=False)]


class ShownStatus(StrEnum):
    """How a delivery stands."""

    PENDING = "pending"
    HELD = "held"
    DELIVERED = "delivered"
    RETRYING = "retrying"
    DEAD = "dead"
    DROPPED = "dropped"


@_group.callback()
def deliveries() -> None:
    """Look up what became of events, see what was sent, and send it again."""


@_group.command(
    "list",
    epilog=examples(
        "pipeline deliveries list --endpoint shop-orders --status dead",
        "pipeline deliveries list --account shop --http-status 5xx --since 2026-03-01T00:00:00Z",
        "pipeline deliveries list --event-id evt_01JNB9Q4J7Z4X9V1T0Q6W8R2EA --json",
    ),
)
def list_(
    *,
    account: Annotated[str | None, typer.Option(help="Only this account's.")] = None,
    endpoint: Annotated[str | None, typer.Option(help="Only to this endpoint.")] = None,
    event_id: Annotated[str | None, typer.Option(help="Only of this event.")] = None,
    event_type: Annotated[str | None, typer.Option("--type", help="Of this event type.")] = None,
    subject: Annotated[str | None, typer.Option(help="Only of this subject.")] = None,
    cause: Annotated[
        str | None, typer.Option(help="event, test, trigger_again, replay or redrive.")
    ] = None,
    status: Annotated[ShownStatus | None, typer.Option(help="How they stand.")] = None,
    http_status: Annotated[str | None, typer.Option(help="Such as 503, or 5xx.")] = None,
    since: Annotated[str | None, typer.Option(help="From this time on, in RFC 3339.")] = None,
    until: Annotated[str | None, typer.Option(help="Before this time, in RFC 3339.")] = None,
    limit: LimitOption = 50,
    key: KeyOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List deliveries, the newest first."""
    asked = {
        "account": account,
        "endpoint": endpoint,
        "event_id": event_id,
        "type": event_type,
        "subject": subject,
        "cause": cause,
        "status": status,
        "http_status": http_status,
        "since": since,
        "until": until,
    }
    query = {name: str(value) for name, value in asked.items() if value is not None}
    with api(key) as called:
        found = called.all_of(at("deliveries"), limit=limit, query=query)
    show_items(found, _COLUMNS, as_json=as_json, none="no deliveries")


@_group.command(epilog=examples("pipeline deliveries show dlv_0R9D7KXQ6Z3M5V1N8T2W4Y6A8C"))
def show(delivery: _Delivery, key: KeyOption = None, as_json: JsonFlag = False) -> None:
    """Show one delivery, with its attempts."""
    with api(key) as called:
        found = called.get(at("deliveries", delivery))
    if as_json:
        show_fields(found, as_json=True)
        return
    attempts = found.pop("attempt_log")
    show_fields(found, as_json=False)
    typer.echo("")
    show_items((attempts, False), _ATTEMPT_COLUMNS, as_json=False, none="no attempts yet")


@_group.command(
    epilog=examples("pipeline deliveries raw dlv_0R9D7KXQ6Z3M5V1N8T2W4Y6A8C > body.json")
)
def raw(delivery: _Delivery, key: KeyOption = None) -> None:
    """Write the body exactly as it was sent."""
    with api(key) as called:
        body = called.content(at("deliveries", delivery, "raw"))
    sys.stdout.buffer.write(body)
    sys.stdout.buffer.flush()


@_group.command(epilog=examples("pipeline deliveries trigger dlv_0R9D7KXQ6Z3M5V1N8T2W4Y6A8C"))
def trigger(delivery: _Delivery, key: KeyOption = None, as_json: JsonFlag = False) -> None:
    """Send it again, as a new delivery with the same webhook-id."""
    with api(key) as called:
        made = called.post(at("deliveries", delivery, "trigger"))
    show_fields(made, as_json=as_json)
    say(f"{delivery} is sent again; `pipeline deliveries show {made['id']}` tells how it went")


@_group.command(
    "retry-now", epilog=examples("pipeline deliveries retry-now dlv_0R9D7KXQ6Z3M5V1N8T2W4Y6A8C")
)
def retry_now(delivery: _Delivery, key: KeyOption = None) -> None:
    """Make its next attempt at once, and not when it would be due."""
    with api(key) as called:
        called.post(at("deliveries", delivery, "retry-now"))
    say(f"{delivery} is tried now; `pipeline deliveries show {delivery}` tells how it went")


@_group.command(
    epilog=examples(
        "pipeline deliveries drop dlv_0R9D7KXQ6Z3M5V1N8T2W4Y6A8C",
        "pipeline deliveries drop dlv_0R9D7KXQ6Z3M5V1N8T2W4Y6A8C --endpoint ep-crm",
    )
)
def drop(
    delivery: _Delivery,
    endpoint: Annotated[
        str | None,
        typer.Option(help="Whose it is: needed for what nobody has tried yet."),
    ] = None,
    key: KeyOption = None,
) -> None:
    """Drop what is not sent yet; it becomes a dead letter."""
    path = ("deliveries", delivery)
    if endpoint is not None:
        path = ("endpoints", endpoint, "waiting", delivery)
    with api(key) as called:
        called.delete(at(*path))
    say(f"{delivery} is dropped")


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    app.add_typer(_group, name="deliveries")
