"""`pipeline offsets`: where the groups stand, and an operator's word on where they go on."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from pipeline.cli.endings import BadInput, CommandFailed, nearest
from pipeline.cli.loaded_settings import load_settings
from pipeline.cli.log_lines import log_warnings_alone
from pipeline.cli.terminal import coloured, examples, output, table, time_text, write_json
from pipeline.domain.rfc3339 import InvalidTime, time_us_of
from pipeline.flow import Partition
from pipeline.wiring.position_decisions import (
    Consequence,
    Decided,
    Edge,
    OutsideOfPartition,
    Target,
    TimeMs,
    decide_positions,
)
from pipeline.wiring.reach import STAGES, Reach, reach
from pipeline.wiring.reading_groups import (
    PartitionState,
    ReadPartition,
    ReadTopic,
    read_topics_of,
)
from pipeline.wiring.stage_topics import topics_read_by

_group = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Show where the stages stand in Kafka, and say where one goes on that has lost its place.",
)

_ALL: Final = "all"
_US_PER_MS: Final = 1_000
_COLUMNS: Final = ("group", "topic", "partition", "committed", "end", "state", "first start")
_STATE_COLOURS: Final = {PartitionState.HELD: "bold red", PartitionState.DECIDED: "yellow"}
_CONSEQUENCES: Final = {
    Consequence.AT_ONCE: "the running stage goes on there within about a second",
    Consequence.AT_NEXT_START: "applied when the stage is started",
    Consequence.WHEN_REASSIGNED: "the running stage reads on where it is; restart it to apply this",
}

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON.")]


@_group.command(
    epilog=examples(
        "pipeline offsets show",
        "pipeline offsets show --group router --json",
    ),
)
def show(
    group: Annotated[
        str | None, typer.Option(help="Only this group: a stage, or a group's full name.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what each group has committed, where it first began, and which partitions it holds.

    A partition is held where the group has read it before and its committed offset is gone, or is
    outside of what is there: nobody guesses, `pipeline offsets set` says where it goes on.
    """
    at = _reach()
    stages = STAGES if group is None else (_stage_of(at, group),)
    topics = read_topics_of(at, stages)
    if as_json:
        write_json(
            {"partitions": [_members(topic, one) for topic in topics for one in topic.partitions]}
        )
        return
    grid = table(_COLUMNS, numbers=("partition", "committed", "end"))
    for topic in topics:
        for one in topic.partitions:
            grid.add_row(*_cells(topic, one))
    output().print(grid)


@_group.command(
    "set",
    epilog=examples(
        "pipeline offsets set --group router --topic webhooks.events --partition 0 --to 12345",
        "pipeline offsets set --group router --topic webhooks.events --partition all --to latest",
    ),
)
def set_(
    group: Annotated[str, typer.Option(help="A stage, or a group's full name.")],
    topic: Annotated[str, typer.Option(help="A topic that the group reads.")],
    partition: Annotated[str, typer.Option(help="A partition's number, or all.")],
    to: Annotated[
        str, typer.Option(help="earliest, latest, an offset, or a time as 2026-03-02T11:00:00Z.")
    ],
    as_json: AsJson = False,
) -> None:
    """Say where a group goes on with a partition, above all with one that is held.

    What lies between the old place and the new one is skipped, or read again: deliveries that are
    repeated have the same webhook-id.
    """
    target = _target(to)
    at = _reach()
    stage = _stage_of(at, group)
    partitions = _partitions(at, stage, topic, wanted=partition)
    try:
        decided = decide_positions(at, at.group(stage), partitions, target)
    except OutsideOfPartition as exc:
        raise BadInput(f"--to {to}: {exc}") from exc
    if as_json:
        write_json({"group": at.group(stage), "decided": [_shown(one) for one in decided]})
        return
    for one in decided:
        before = "nothing committed" if one.before is None else f"was {one.before}"
        place = f"{one.partition.topic}[{one.partition.number}]"
        typer.echo(f"{place}: {one.offset} ({before}); {_CONSEQUENCES[one.consequence]}")


def _reach() -> Reach:
    settings = load_settings()
    log_warnings_alone()
    return reach(settings)


def _stage_of(at: Reach, group: str) -> str:
    for stage in STAGES:
        if group in {stage, at.group(stage)}:
            return stage
    known = (*STAGES, *map(at.group, STAGES))
    raise BadInput(f"--group {group}: there is no such group{nearest(group, known)}")


def _target(text: str) -> Target:
    if text in {Edge.EARLIEST, Edge.LATEST}:
        return Edge(text)
    if text.isascii() and text.isdigit():
        return int(text)
    try:
        return TimeMs(time_us_of(text) // _US_PER_MS)
    except InvalidTime as exc:
        raise BadInput(
            f"--to {text}: give earliest, latest, an offset, or a time as 2026-03-02T11:00:00Z"
        ) from exc


def _partitions(at: Reach, stage: str, topic: str, *, wanted: str) -> list[Partition]:
    existing = at.inquiry().topics()
    if at.topology.positions not in existing:
        raise CommandFailed(
            f"there is no topic {at.topology.positions}: make it with `pipeline topics apply`"
        )
    read = topics_read_by(at, stage, existing)
    if topic not in read:
        raise BadInput(f"--topic {topic}: the {stage} reads no such topic{nearest(topic, read)}")
    count = existing[topic]
    if wanted == _ALL:
        return [Partition(topic, number) for number in range(count)]
    if not (wanted.isascii() and wanted.isdigit()) or int(wanted) >= count:
        raise BadInput(
            f"--partition {wanted}: {topic} has partitions 0 to {count - 1}; or write all"
        )
    return [Partition(topic, int(wanted))]


def _cells(topic: ReadTopic, one: ReadPartition) -> tuple[Any, ...]:
    lag, entry = one.lag, one.first_start
    began = (
        "-"
        if entry is None
        else f"{entry.offset} at {time_text(entry.decided_at_ms)} ({entry.decided_by})"
    )
    return (
        topic.group,
        topic.topic,
        str(lag.partition.number),
        "-" if lag.committed is None else str(lag.committed),
        str(lag.end),
        coloured(one.state, _STATE_COLOURS.get(one.state, "")),
        began,
    )


def _members(topic: ReadTopic, one: ReadPartition) -> dict[str, Any]:
    entry = one.first_start
    return {
        "group": topic.group,
        "topic": topic.topic,
        "partition": one.lag.partition.number,
        "committed": one.lag.committed,
        "first": one.lag.first,
        "end": one.lag.end,
        "state": one.state,
        "began": None
        if entry is None
        else {
            "offset": entry.offset,
            "at": time_text(entry.decided_at_ms),
            "decided_by": entry.decided_by,
        },
    }


def _shown(one: Decided) -> dict[str, Any]:
    return {
        "topic": one.partition.topic,
        "partition": one.partition.number,
        "before": one.before,
        "offset": one.offset,
        "consequence": one.consequence,
    }


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    app.add_typer(_group, name="offsets")
