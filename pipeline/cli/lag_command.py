"""`pipeline lag`: how far each stage is behind, and what only waits."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from pipeline.cli.lag_rows import lag_document, lag_table
from pipeline.cli.loaded_settings import load_settings
from pipeline.cli.log_lines import log_warnings_alone
from pipeline.cli.terminal import examples, output, say, write_json, write_json_line
from pipeline.clock import now_ms
from pipeline.supervisor.ending import Ending
from pipeline.wiring.reach import Reach, reach
from pipeline.wiring.reading_groups import ReadTopic, read_topics_of

WATCH_SECONDS: Final = 2.0


def lag(
    as_json: Annotated[
        bool, typer.Option("--json", help="Write JSON; with --watch a line each time.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Again every two seconds, until Ctrl-C.")
    ] = False,
) -> None:
    """Show how far each stage is behind, topic by topic, and since when the oldest record waits.

    Endpoints' own topics are summed up, the worst of them listed. What waits in a tier is not due,
    and what waits for an inactive endpoint is held: neither is lag. A partition that is held has
    lost its position, and goes on when `pipeline offsets set` says where.
    """
    settings = load_settings()
    log_warnings_alone()
    at = reach(settings)
    if not watch:
        _show(read_topics_of(at), as_json=as_json)
        return
    with Ending() as ending:
        _watch(at, ending, as_json=as_json)


def _watch(at: Reach, ending: Ending, *, as_json: bool) -> None:
    while not ending.is_asked:
        topics = read_topics_of(at)
        if as_json:
            write_json_line(lag_document(topics, now_ms=now_ms()))
        else:
            console = output()
            if console.is_terminal:
                console.clear()
            _show(topics, as_json=False)
        ending.wait(WATCH_SECONDS)


def _show(topics: list[ReadTopic], *, as_json: bool) -> None:
    now = now_ms()
    if as_json:
        write_json(lag_document(topics, now_ms=now))
    elif topics:
        output().print(lag_table(topics, now_ms=now))
    else:
        say("no topics yet; make them with `pipeline topics apply`")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        short_help="Show how far each stage is behind.",
        epilog=examples(
            "pipeline lag",
            "pipeline lag --watch",
            "pipeline lag --json | jq '.groups[].lag'",
        ),
    )(lag)
