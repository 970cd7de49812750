"""`pipeline replay`: past events, routed again."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from pipeline.cli.api_access import KeyOption, api, at
from pipeline.cli.api_documents import document_of
from pipeline.cli.api_output import JsonFlag, LimitOption, show_fields, show_items
from pipeline.cli.given_times import whole_time
from pipeline.cli.job_progress import RateOption, Showing, WaitOption, show_job
from pipeline.cli.terminal import examples, say

_COLUMNS = ("id", "status", "account", "endpoint", "since", "matched", "sent", "skipped")
_PATH = at("replays")
_group = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Route past events again.")
_Id = Annotated[str, typer.Argument(metavar="ID", help="The replay's.", show_default=False)]


class Which(StrEnum):
    """Which events a replay takes."""

    ALL = "all"
    UNDELIVERED = "undelivered"


@_group.callback()
def replay() -> None:
    """Route past events again."""


@_group.command(
    epilog=examples(
        "pipeline replay start --endpoint ep_01J8Z7Q8W5X6Y7Z8A9B0C1D2E3 --since 2026-03-01T00:00Z",
        "pipeline replay start --account shop --since 2026-03-01T00:00Z --only undelivered",
        "pipeline replay start --account shop --since 2026-03-01T00:00Z --dry-run",
    )
)
def start(
    since: Annotated[str, typer.Option(help="In RFC 3339.", show_default=False)],
    *,
    endpoint: Annotated[str | None, typer.Option(help="For this endpoint.")] = None,
    account: Annotated[str | None, typer.Option(help="For all endpoints of this account.")] = None,
    until: Annotated[str | None, typer.Option(help="In RFC 3339; now without it.")] = None,
    event_types: Annotated[
        list[str] | None, typer.Option("--event-type", help="A pattern; repeatable.")
    ] = None,
    only: Annotated[Which, typer.Option(help="Also what was delivered, or not.")] = Which.ALL,
    new_ids: Annotated[
        bool, typer.Option("--new-ids", help="With ids that receivers do not know.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, and send nothing.")] = False,
    rate: RateOption = None,
    wait: WaitOption = True,
    key: KeyOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Route past events again, for one endpoint or for those of an account.

    Endpoints that were made later than the events get them too. Each request carries
    Webhook-Replay with the replay's id.
    """
    document = document_of(
        None,
        None,
        endpoint=endpoint,
        account=account,
        since=whole_time(since),
        until=whole_time(until),
        event_types=event_types or None,
        only=only,
        rate=rate,
        new_ids=new_ids or None,
        dry_run=dry_run or None,
    )
    with api(key) as called:
        show_job(called, _PATH, called.post(_PATH, document), Showing(wait=wait, as_json=as_json))


@_group.command("list", epilog=examples("pipeline replay list"))
def list_(limit: LimitOption = 100, key: KeyOption = None, as_json: JsonFlag = False) -> None:
    """List replays, the newest first."""
    with api(key) as called:
        found = called.all_of(_PATH, limit=limit)
    show_items(found, _COLUMNS, as_json=as_json, none="no replays")


@_group.command(epilog=examples("pipeline replay show rpl_01JNB9Q4J7Z4X9V1T0Q6W8R2EA"))
def show(replay_id: _Id, key: KeyOption = None, as_json: JsonFlag = False) -> None:
    """Show how far a replay is."""
    with api(key) as called:
        show_fields(called.get(at("replays", replay_id)), as_json=as_json)


@_group.command(epilog=examples("pipeline replay cancel rpl_01JNB9Q4J7Z4X9V1T0Q6W8R2EA"))
def cancel(replay_id: _Id, key: KeyOption = None) -> None:
    """Write nothing more; what was written is sent."""
    with api(key) as called:
        called.delete(at("replays", replay_id))
    say(f"{replay_id} is cancelled")


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    app.add_typer(_group, name="replay")
