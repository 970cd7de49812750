"""Lag as rows of a table and as a JSON document."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, Final, NamedTuple

from rich.table import Table
from rich.text import Text

from pipeline.cli.terminal import age_text, coloured, table, time_text
from pipeline.wiring.reading_groups import PartitionState, ReadPartition, ReadTopic
from pipeline.wiring.stage_topics import TopicKind

_COLUMNS: Final = ("stage", "topic", "partitions", "lag", "waiting", "oldest", "held")
_NUMBERS: Final = ("partitions", "lag", "waiting", "oldest")
_WORST: Final = 5
_LATE: Final = frozenset((TopicKind.FLOWING, TopicKind.DELIVERY))


class _Sum(NamedTuple):
    """One line of the table."""

    stage: str
    topic: str
    partitions: int
    lag: int
    waiting: int
    oldest_ms: int | None
    held: int


def lag_table(topics: Sequence[ReadTopic], *, now_ms: int) -> Table:
    """A row for each topic; endpoints' own topics are summed up, the worst listed."""
    grid = table(_COLUMNS, numbers=_NUMBERS)
    for row in _rows(topics):
        age_ms = None if row.oldest_ms is None else now_ms - row.oldest_ms
        grid.add_row(
            row.stage,
            row.topic,
            str(row.partitions),
            _number(row.lag, "yellow"),
            _number(row.waiting, ""),
            age_text(age_ms),
            _number(row.held, "bold red"),
        )
    return grid


def lag_document(topics: Sequence[ReadTopic], *, now_ms: int) -> dict[str, Any]:
    """Everything, partition by partition."""
    groups = [
        _group(list(of_group), now_ms) for _, of_group in groupby(topics, attrgetter("group"))
    ]
    return {"at": time_text(now_ms), "groups": groups}


def _rows(topics: Sequence[ReadTopic]) -> Iterable[_Sum]:
    for stage, of_stage in groupby(topics, attrgetter("stage")):
        rows = list(of_stage)
        own = [one for one in rows if one.is_own]
        yield from (_sum(stage, one.topic, [one]) for one in rows if not one.is_own)
        active = [one for one in own if one.kind is not TopicKind.INACTIVE]
        inactive = [one for one in own if one.kind is TopicKind.INACTIVE]
        if active:
            yield _sum(stage, f"endpoints' own ({len(active)})", active)
        worst = sorted((_sum("", f"  {one.topic}", [one]) for one in active), key=attrgetter("lag"))
        yield from (row for row in reversed(worst[-_WORST:]) if row.lag or row.held)
        if inactive:
            yield _sum(stage, f"of inactive endpoints ({len(inactive)})", inactive)


def _sum(stage: str, name: str, topics: Sequence[ReadTopic]) -> _Sum:
    partitions = [partition for one in topics for partition in one.partitions]
    count = sum(partition.lag.lag for partition in partitions)
    is_late = all(one.kind in _LATE for one in topics)
    return _Sum(
        stage,
        name,
        partitions=len(partitions),
        lag=count if is_late else 0,
        waiting=0 if is_late else count,
        oldest_ms=_oldest_ms(partitions),
        held=sum(partition.state is PartitionState.HELD for partition in partitions),
    )


def _oldest_ms(partitions: Iterable[ReadPartition]) -> int | None:
    times = (partition.lag.oldest_ms for partition in partitions)
    return min((time for time in times if time is not None), default=None)


def _number(count: int, style: str) -> Text:
    return coloured(f"{count:,}", style) if count else Text("-", style="dim")


def _group(topics: list[ReadTopic], now_ms: int) -> dict[str, Any]:
    late = _sum("", "", [one for one in topics if one.kind in _LATE])
    waiting = _sum("", "", [one for one in topics if one.kind not in _LATE])
    return {
        "group": topics[0].group,
        "stage": topics[0].stage,
        "lag": late.lag,
        "waiting": waiting.waiting,
        "held": late.held + waiting.held,
        "topics": [_topic(one, now_ms) for one in topics],
    }


def _topic(topic: ReadTopic, now_ms: int) -> dict[str, Any]:
    row = _sum("", "", [topic])
    return {
        "topic": topic.topic,
        "kind": topic.kind,
        "lag": row.lag,
        "waiting": row.waiting,
        "oldest_age_ms": None if row.oldest_ms is None else max(now_ms - row.oldest_ms, 0),
        "partitions": [
            {
                "partition": one.lag.partition.number,
                "committed": one.lag.committed,
                "first": one.lag.first,
                "end": one.lag.end,
                "behind": one.lag.lag,
                "oldest_at": None if one.lag.oldest_ms is None else time_text(one.lag.oldest_ms),
                "state": one.state,
            }
            for one in topic.partitions
        ],
    }
