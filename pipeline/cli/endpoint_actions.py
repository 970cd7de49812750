"""`pipeline endpoints activate|deactivate|waiting|rotate-secret|test`: of one, by the API."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from pipeline.cli.api_access import KeyOption, api, at
from pipeline.cli.api_documents import document_of, value_of
from pipeline.cli.api_output import JsonFlag, show_fields, show_items
from pipeline.cli.endpoint_resources import EndpointArgument
from pipeline.cli.terminal import examples, say

_WAITING_COLUMNS = (
    *("id", "since", "event_type", "cause"),
    *("next_attempt", "due_at", "dropped"),
)


class Waiting(StrEnum):
    """What becomes of what an endpoint did not get meanwhile."""

    SEND = "send"
    DROP = "drop"


def activate(
    endpoint: EndpointArgument,
    waiting: Annotated[
        Waiting | None,
        typer.Option(help="Send or drop what waits; the endpoint's on_inactive without it."),
    ] = None,
    key: KeyOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Send to an endpoint again."""
    _ask(endpoint, "activate", document_of(None, None, waiting=waiting), key, as_json=as_json)


def deactivate(
    endpoint: EndpointArgument,
    reason: Annotated[str | None, typer.Option(help="Why, for whoever looks at it.")] = None,
    key: KeyOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Send nothing to an endpoint; what it should get waits."""
    _ask(endpoint, "deactivate", document_of(None, None, reason=reason), key, as_json=as_json)


def rotate_secret(
    endpoint: EndpointArgument,
    secret: Annotated[
        str | None, typer.Option(help="The new one, in the profile's form; made without it.")
    ] = None,
    overlap: Annotated[
        str | None, typer.Option(help="So long the old one signs beside it, such as 24h.")
    ] = None,
    key: KeyOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Give an endpoint a new signing secret, shown here and never again."""
    document = document_of(None, None, secret=secret, overlap=overlap)
    _ask(endpoint, "rotate-secret", document, key, as_json=as_json)


def send_sample(
    endpoint: EndpointArgument,
    event_type: Annotated[str | None, typer.Option("--type", help="The sample's type.")] = None,
    data: Annotated[str | None, typer.Option(help="The sample's data, in JSON.")] = None,
    key: KeyOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Send an endpoint a sample event, and print the id of its delivery."""
    document = document_of(None, None, type=event_type)
    if data is not None:
        document["data"] = value_of(data)
    _ask(endpoint, "test", document, key, as_json=as_json)


def waiting(
    endpoint: EndpointArgument,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many.")] = 50,
    key: KeyOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List what an endpoint has not got yet, the oldest first; read from Kafka now."""
    with api(key) as called:
        found = called.get(f"{at('endpoints', endpoint, 'waiting')}?limit={limit}")
    if as_json:
        show_fields(found, as_json=True)
        return
    items = found["items"]
    show_items((items, False), _WAITING_COLUMNS, as_json=False, none="nothing waits")
    if found["count"] > len(items):
        say(f"{found['count']} wait, the oldest since {found['oldest_at']}")
    if not found["complete"]:
        say("reading was cut: there may be more, and older ones")


def _ask(
    endpoint: str, action: str, document: dict[str, object], key: str | None, *, as_json: bool
) -> None:
    with api(key) as called:
        found = called.post(at("endpoints", endpoint, action), document or None)
    show_fields(found, as_json=as_json)


def add_actions(group: typer.Typer) -> None:
    """Add the commands to `pipeline endpoints`."""
    group.command(epilog=examples("pipeline endpoints activate shop-orders --waiting drop"))(
        activate
    )
    group.command(
        epilog=examples("pipeline endpoints deactivate shop-orders --reason 'moving house'")
    )(deactivate)
    group.command(epilog=examples("pipeline endpoints waiting shop-orders --limit 10"))(waiting)
    group.command("rotate-secret", epilog=examples("pipeline endpoints rotate-secret shop-orders"))(
        rotate_secret
    )
    group.command(
        "test",
        epilog=examples(
            "pipeline endpoints test shop-orders",
            """pipeline endpoints test shop-orders --type order.paid --data '{"id": 1}'""",
        ),
    )(send_sample)
