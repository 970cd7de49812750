"""`pipeline statistics`: requests of an endpoint, an account or all, and how many were accepted."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from pipeline.cli.api_access import Fields, KeyOption, api, at
from pipeline.cli.api_output import JsonFlag, show_fields
from pipeline.cli.endings import BadInput
from pipeline.cli.terminal import examples

_PER_CENT = 100


class Window(StrEnum):
    """How far back."""

    DAY = "24h"
    WEEK = "7d"
    ALL = "60d"


def statistics(
    *,
    endpoint: Annotated[str | None, typer.Option(help="Of this endpoint.")] = None,
    account: Annotated[str | None, typer.Option(help="Of this account.")] = None,
    window: Annotated[Window, typer.Option(help="How far back.")] = Window.DAY,
    key: KeyOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show how many requests there were, and how many were accepted."""
    if endpoint is not None and account is not None:
        raise BadInput("--endpoint and --account: give one of them")
    whose = ("endpoints", endpoint) if endpoint is not None else ("accounts", account)
    parts = tuple(part for part in whose if part is not None)
    path = at(*parts, "statistics") if len(parts) == len(whose) else at("statistics")
    with api(key) as called:
        found = called.get(f"{path}?window={window}")
    show_fields(found if as_json else _row(found), as_json=as_json)


def _row(found: Fields) -> Fields:
    acceptance = found["acceptance"]
    latency = found["latency_ms"]
    return {
        "since": found["since"],
        "requests": str(found["requests"]),
        "accepted": str(found["accepted"]),
        "triggered again": str(found["triggered_again"]),
        "acceptance": "-" if acceptance is None else f"{acceptance * _PER_CENT:.2f} %",
        **{f"status {status}": str(count) for status, count in found["by_status"].items()},
        **{
            f"latency {name}": "-" if value is None else f"{value:g} ms"
            for name, value in latency.items()
        },
    }


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog=examples(
            "pipeline statistics",
            "pipeline statistics --endpoint shop-orders --window 7d",
            "pipeline statistics --account shop --json",
        )
    )(statistics)
