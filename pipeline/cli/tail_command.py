"""`pipeline tail`: attempts as they are made."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.text import Text

from pipeline.adapters.kafka.tailing import follow_attempts
from pipeline.cli.loaded_settings import load_settings
from pipeline.cli.log_lines import log_warnings_alone
from pipeline.cli.terminal import age_text, examples, output, plain, say, time_text, write_json_line
from pipeline.clock import now_ms
from pipeline.domain.delivery import Attempt, Decision, Outcome
from pipeline.supervisor.ending import Ending
from pipeline.wiring.reach import reach

_COLOURS: dict[str, str] = {
    Decision.DELIVERED: "green",
    Decision.RETRY: "yellow",
    Decision.DEAD: "red",
}


def tail(
    endpoint: Annotated[str | None, typer.Option(help="Only this endpoint's.")] = None,
    account: Annotated[str | None, typer.Option(help="Only this account's.")] = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="Only those that were not accepted.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON for each.")] = False,
    from_start: Annotated[
        bool,
        typer.Option("--from-start", help="Begin with the oldest that is kept, not with the next."),
    ] = False,
) -> None:
    """Show attempts as they are made, until Ctrl-C: a line each.

    A line has: time, endpoint, type, number of the attempt, outcome, status, duration, decision,
    and when the next attempt is due. Nothing is committed, so it disturbs nobody.
    """
    settings = load_settings()
    log_warnings_alone()
    at = reach(settings)
    console = output()
    batches = follow_attempts(
        at.connection,
        at.topology.attempts,
        at.codec().decode_attempts,
        is_from_start=from_start,
        on_outage=lambda reason: say(f"Kafka does not answer ({reason}); waiting"),
    )
    with Ending() as ending:
        for attempts in batches:
            if ending.is_asked:
                break
            for attempt in attempts:
                if (
                    endpoint in {None, attempt.endpoint}
                    and account in {None, attempt.account}
                    and not (failed and attempt.outcome == Outcome.ACCEPTED)
                ):
                    _show(console, attempt, as_json=as_json)


def _show(console: Console, attempt: Attempt, *, as_json: bool) -> None:
    if as_json:
        write_json_line(_members(attempt))
    else:
        console.print(_line(attempt), soft_wrap=True)


def _line(attempt: Attempt) -> Text:
    line = Text()
    line.append(time_text(attempt.started_at_ms), "dim")
    line.append(f"  {plain(attempt.endpoint)}  {plain(attempt.event_type)}  #{attempt.attempt}  ")
    line.append(_result(attempt), _COLOURS.get(attempt.decision, ""))
    if attempt.reason is not None:
        line.append(f" ({plain(attempt.reason)})")
    due_ms = attempt.next_attempt_at_ms
    if due_ms is not None:
        left_ms = due_ms - now_ms()
        line.append(
            f"  next in {age_text(left_ms)}" if left_ms > 0 else f"  next {time_text(due_ms)}"
        )
    if attempt.error is not None:
        line.append(f"  {plain(attempt.error)}", "dim")
    return line


def _result(attempt: Attempt) -> str:
    status = "" if attempt.status is None else f" {attempt.status}"
    return (
        f"{plain(attempt.outcome)}{status}  {attempt.duration_ms:.0f}ms  {plain(attempt.decision)}"
    )


def _members(attempt: Attempt) -> dict[str, Any]:
    """By the names of the HTTP API where it has them."""
    members = attempt._asdict()
    members["record"] = attempt.record._asdict()
    body = attempt.response_body
    members["response_body"] = None if body is None else body.decode(errors="replace")
    members["started_at"] = time_text(members.pop("started_at_ms"))
    occurred_at_ms = members.pop("occurred_at_us") // 1000
    members["occurred_at"] = time_text(occurred_at_ms)
    due_ms = members.pop("next_attempt_at_ms")
    members["next_attempt_at"] = None if due_ms is None else time_text(due_ms)
    return msgspec.to_builtins(members)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        short_help="Show attempts as they are made.",
        epilog=examples(
            "pipeline tail",
            "pipeline tail --failed --endpoint ep_01J8Z7Q8W5X6Y7Z8A9B0C1D2E3",
            "pipeline tail --json --from-start | jq .status",
        ),
    )(tail)
