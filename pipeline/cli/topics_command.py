"""`pipeline topics`: compare the cluster's topics with topics.yaml, and make what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated

import typer

from pipeline.adapters.kafka.topic_differences import Difference, Kind
from pipeline.adapters.kafka.topics import Topics
from pipeline.cli.endings import CommandFailed
from pipeline.cli.loaded_settings import load_settings
from pipeline.cli.log_lines import log_warnings_alone
from pipeline.cli.terminal import coloured, examples, output, say, table, write_json
from pipeline.wiring.reach import reach

_group = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Compare the topics in Kafka with topics.yaml, and make what is missing.",
)

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON.")]

_COLOURS = {
    Kind.MISSING: "yellow",
    Kind.BREAKS: "red",
    Kind.DIFFERS: "cyan",
    Kind.UNDECLARED: "magenta",
}


@_group.command(
    epilog=examples(
        "pipeline topics plan",
        "pipeline topics plan --json",
    ),
)
def plan(as_json: AsJson = False) -> None:
    """Show what is not as topics.yaml says, and what `apply` would do about it.

    missing: it would be made; breaks: a stage that uses the topic refuses to start; differs: it
    works, and is not as declared.
    """
    found = _topics().plan()
    if as_json:
        write_json({"differences": [_shown(one) for one in found]})
    elif not found:
        typer.echo("every topic is as topics.yaml says")
    else:
        _print(found)


@_group.command(
    epilog=examples(
        "pipeline topics apply",
    ),
)
def apply(as_json: AsJson = False) -> None:
    """Make what is missing, change what nothing can be lost by, and list the rest.

    Nothing is ever deleted.
    """
    applied = _topics().apply()
    breaking = [one for one in applied.left if one.kind is Kind.BREAKS]
    if as_json:
        write_json(
            {
                "created": applied.created,
                "altered": [_shown(one) for one in applied.altered],
                "left": [_shown(one) for one in applied.left],
            }
        )
    else:
        _say_applied(applied.created, applied.altered)
        if applied.left:
            say("left alone:")
            _print(applied.left)
    if breaking:
        raise CommandFailed(f"{len(breaking)} of these keep a stage from starting")


def _topics() -> Topics:
    settings = load_settings()
    log_warnings_alone()
    return reach(settings).topics()


def _say_applied(created: Sequence[str], altered: Sequence[Difference]) -> None:
    for topic in created:
        typer.echo(f"created {topic}")
    for one in altered:
        typer.echo(f"changed {one.topic}: {one.setting} is {one.new_value}")
    if not created and not altered:
        typer.echo("nothing to do")


def _shown(one: Difference) -> dict[str, object]:
    return {
        "topic": one.topic,
        "kind": one.kind,
        "text": one.text,
        "setting": one.setting,
        "apply_sets": one.new_value,
    }


def _print(found: Iterable[Difference]) -> None:
    grid = table(("topic", "", "what"))
    for one in found:
        text = one.text.removeprefix(one.topic).strip()
        grid.add_row(one.topic, coloured(one.kind, _COLOURS[one.kind]), text)
    output().print(grid)


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    app.add_typer(_group, name="topics")
