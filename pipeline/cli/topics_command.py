"""`pipeline topics`: compared with topics.yaml, made where missing, deleted when long unused."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Sequence
from typing import Annotated

import typer

from pipeline.adapters.kafka.schema_registry import (
    RegistryAway,
    RegistryRefused,
    UnusableRegistry,
)
from pipeline.adapters.kafka.topic_differences import Difference, Kind
from pipeline.adapters.kafka.topics import Applied, Topics
from pipeline.cli.endings import BadInput, CommandFailed
from pipeline.cli.loaded_settings import load_settings
from pipeline.cli.log_lines import log_warnings_alone
from pipeline.cli.terminal import coloured, examples, output, say, table, time_text, write_json
from pipeline.clock import now_ms
from pipeline.domain.topic_pruning import TopicVerdict
from pipeline.wiring.reach import Reach, reach
from pipeline.wiring.schema_registration import register_schemas
from pipeline.wiring.table_reading import TablesUnread
from pipeline.wiring.topic_pruning import delete_topics, judged_topics

_group = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Compare the topics in Kafka with topics.yaml, make what is missing, delete what is over.",
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

    Nothing is ever deleted. Where a schema registry is set (PIPELINE_KAFKA__SCHEMA_REGISTRY) our
    own schemas are registered there, as TOPIC-value.
    """
    at = _reach()
    applied = at.topics().apply()
    registered = _registered(at)
    breaking = [one for one in applied.left if one.kind is Kind.BREAKS]
    if as_json:
        write_json(
            {
                "created": applied.created,
                "altered": [_shown(one) for one in applied.altered],
                "left": [_shown(one) for one in applied.left],
                "registered": registered,
            }
        )
    else:
        _say_applied(applied, registered)
        if applied.left:
            say("left alone:")
            _print(applied.left)
    if breaking:
        raise CommandFailed(f"{len(breaking)} of these keep a stage from starting")


@_group.command(
    epilog=examples(
        "pipeline topics prune --dry-run",
        "pipeline topics prune --yes",
    ),
)
def prune(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Delete nothing; say what would be deleted.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete the delivery topics of endpoints that were removed long ago.

    So long ago that nothing sent to them is kept any more (PIPELINE_ARCHIVE__AFTER_DAYS, 60).
    Those alone, and only where nothing in them is unfinished or younger, and no other endpoint's
    deliveries are written to them. Of every other delivery topic it says why it is kept.
    """
    at = _reach()
    verdicts = _judged(at, kept_ms=load_settings().archive.after_ms)
    going = [one for one in verdicts if one.kept_because is None]
    if not as_json:
        _print_verdicts(verdicts)
    is_deleting = bool(going) and not dry_run
    if is_deleting:
        _agree(len(going), yes=yes)
        delete_topics(at, going)
    if as_json:
        write_json({"topics": [_judgement(one, is_deleting=is_deleting) for one in verdicts]})
    else:
        say(f"{'to be deleted' if dry_run else 'deleted'}: {len(going)} of {len(verdicts)}")


def _judged(at: Reach, *, kept_ms: int) -> tuple[TopicVerdict, ...]:
    at.inquiry().seen()
    try:
        return asyncio.run(judged_topics(at, kept_ms=kept_ms, now_ms=now_ms()))
    except TablesUnread as exc:
        raise CommandFailed(f"nothing was deleted: {exc}") from exc


def _agree(count: int, *, yes: bool) -> None:
    """Return where somebody said yes."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise BadInput("nothing was deleted: nobody can be asked here; add --yes, or --dry-run")
    if not typer.confirm(f"Delete these {count} topics, with all that is in them?", err=True):
        raise CommandFailed("nothing was deleted")


def _reach() -> Reach:
    settings = load_settings()
    log_warnings_alone()
    return reach(settings)


def _topics() -> Topics:
    return _reach().topics()


def _registered(at: Reach) -> tuple[str, ...]:
    try:
        return register_schemas(load_settings(), at.topic_file)
    except UnusableRegistry as exc:
        raise BadInput(str(exc)) from exc
    except (RegistryAway, RegistryRefused) as exc:
        raise CommandFailed(
            f"the topics are done, their schemas are not registered: {exc}"
        ) from exc


def _say_applied(applied: Applied, registered: Sequence[str]) -> None:
    for topic in applied.created:
        typer.echo(f"created {topic}")
    for one in applied.altered:
        typer.echo(f"changed {one.topic}: {one.setting} is {one.new_value}")
    for subject in registered:
        typer.echo(f"registered {subject}")
    if not (applied.created or applied.altered or registered):
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


def _print_verdicts(verdicts: Iterable[TopicVerdict]) -> None:
    grid = table(("topic", "removed", ""))
    for one in verdicts:
        text = one.kept_because
        fate = coloured("goes", "red") if text is None else coloured(f"kept: {text}", "")
        grid.add_row(one.topic, time_text(one.removed_at_ms), fate)
    if grid.row_count:
        output().print(grid)


def _judgement(one: TopicVerdict, *, is_deleting: bool) -> dict[str, object]:
    return {
        "topic": one.topic,
        "endpoint": one.endpoint,
        "removed_at": None if one.removed_at_ms is None else time_text(one.removed_at_ms),
        "deleted": is_deleting and one.kept_because is None,
        "kept_because": one.kept_because,
    }


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    app.add_typer(_group, name="topics")
