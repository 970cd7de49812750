"""`pipeline dead-letters`: what finally failed, from Kafka alone, and sending it again."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from pipeline.adapters.kafka.dead_letter_log import LoggedDeadLetter, newest_dead_letters
from pipeline.cli.api_access import KeyOption, api, at
from pipeline.cli.api_documents import document_of
from pipeline.cli.api_output import JsonFlag
from pipeline.cli.endings import BadInput
from pipeline.cli.given_times import whole_time
from pipeline.cli.job_progress import RateOption, Showing, WaitOption, show_job
from pipeline.cli.loaded_settings import load_settings
from pipeline.cli.log_lines import log_warnings_alone
from pipeline.cli.terminal import (
    coloured,
    examples,
    output,
    plain,
    say,
    table,
    time_text,
    write_json,
)
from pipeline.domain.delivery import DeadLetter, Position, Reason
from pipeline.wiring.reach import reach

_group = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Look at what finally failed, and send it again.",
)

_COLUMNS = ("when", "reason", "endpoint", "type", "attempts", "status", "record", "error")


@_group.callback()
def dead_letters() -> None:
    """Look at what finally failed, and send it again."""


@_group.command(
    "list",
    epilog=examples(
        "pipeline dead-letters list",
        "pipeline dead-letters list --reason exhausted --limit 10",
        "pipeline dead-letters list --endpoint ep_01J8Z7Q8W5X6Y7Z8A9B0C1D2E3 --json",
    ),
)
def list_(
    reason: Annotated[Reason | None, typer.Option(help="Only those of this reason.")] = None,
    endpoint: Annotated[str | None, typer.Option(help="Only this endpoint's.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """List dead letters, the newest first, as they lie in Kafka; the store is not needed.

    `record` is where the record that failed lay: topic, partition and offset.
    """
    settings = load_settings()
    log_warnings_alone()
    at = reach(settings)

    def is_wanted(letter: DeadLetter) -> bool:
        return reason in {None, letter.reason} and endpoint in {None, letter.endpoint}

    found = newest_dead_letters(
        at.connection,
        at.topology.dead_letter,
        at.codec().decode_dead_letter,
        is_wanted=is_wanted,
        limit=limit,
    )
    if as_json:
        write_json({"items": [_members(one) for one in found.letters]})
    elif found.letters:
        _print(found.letters)
    else:
        typer.echo("no dead letters")
    if found.unreadable:
        say(f"left out, written by another version: {found.unreadable}")


def _print(letters: list[LoggedDeadLetter]) -> None:
    grid = table(_COLUMNS, numbers=("attempts", "status"))
    for one in letters:
        letter = one.letter
        grid.add_row(
            time_text(letter.dead_at_ms),
            coloured(plain(letter.reason), "red"),
            plain(letter.endpoint),
            plain(letter.event_type),
            str(letter.attempts),
            plain(None if letter.status is None else str(letter.status)),
            _place(letter.source),
            plain(letter.error or letter.outcome),
        )
    output().print(grid)


def _place(position: Position) -> str:
    return f"{plain(position.topic)}/{position.partition}/{position.offset}"


def _members(one: LoggedDeadLetter) -> dict[str, Any]:
    letter = one.letter
    return {
        "id": letter.id,
        "reason": letter.reason,
        "dead_at": time_text(letter.dead_at_ms),
        "account": letter.account,
        "endpoint": letter.endpoint,
        "event_type": letter.event_type,
        "attempts": letter.attempts,
        "outcome": letter.outcome,
        "status": letter.status,
        "error": letter.error,
        "source": letter.source._asdict(),
        "record": one.record._asdict(),
    }


@_group.command(
    epilog=examples(
        "pipeline dead-letters redrive --endpoint ep_01J8Z7Q8W5X6Y7Z8A9B0C1D2E3 --reason exhausted",
        "pipeline dead-letters redrive --account shop --since 2026-03-01T00:00Z --no-wait",
        "pipeline dead-letters redrive --id dlv_3V8J0G2B5N7M9Q1R4T6W8X0Y2Z",
    )
)
def redrive(
    *,
    endpoint: Annotated[str | None, typer.Option(help="Only this endpoint's.")] = None,
    account: Annotated[str | None, typer.Option(help="Only this account's.")] = None,
    reason: Annotated[Reason | None, typer.Option(help="Only those of this reason.")] = None,
    types: Annotated[
        list[str] | None,
        typer.Option("--type", help="Only these event types, as order.*; repeatable."),
    ] = None,
    ids: Annotated[list[str] | None, typer.Option("--id", help="Only these; repeatable.")] = None,
    since: Annotated[str | None, typer.Option(help="Dead since, in RFC 3339.")] = None,
    until: Annotated[str | None, typer.Option(help="Dead before, in RFC 3339.")] = None,
    rate: RateOption = None,
    everything: Annotated[bool, typer.Option("--all", help="Every dead letter.")] = False,
    wait: WaitOption = True,
    key: KeyOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Send dead letters again, each with the body and the webhook-id that it had.

    What was delivered since is left out.
    """
    document = document_of(
        None,
        None,
        endpoint=endpoint,
        account=account,
        reason=reason,
        event_types=types or None,
        ids=ids or None,
        since=whole_time(since),
        until=whole_time(until),
        rate=rate,
    )
    if everything == bool(document.keys() - {"rate"}):
        raise BadInput("say which: by --endpoint, --reason, --id and so on, or give --all")
    with api(key) as called:
        path = at("dead-letters", "redrive")
        show_job(called, path, called.post(path, document), Showing(wait=wait, as_json=as_json))


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    app.add_typer(_group, name="dead-letters")
