"""`pipeline sources`: what the records of a source topic become, before the router reads them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from pipeline.adapters.kafka.newest_records import newest_records
from pipeline.adapters.kafka.schema_registry import RegistryAway, UnusableRegistry
from pipeline.cli.endings import BadInput, CommandFailed, nearest
from pipeline.cli.loaded_settings import load_settings
from pipeline.cli.log_lines import log_warnings_alone
from pipeline.cli.sample_records import headers_given, sample_values
from pipeline.cli.terminal import coloured, examples, output, plain, time_text, write_json_line
from pipeline.clock import now_ms
from pipeline.domain.event import Event
from pipeline.flow import Partition, Record
from pipeline.settings import Settings
from pipeline.wiring.configuration import topic_file
from pipeline.wiring.reach import reach
from pipeline.wiring.source_trial import tried

_MOST_NEWEST = 10_000
_SHOWN_CHARS = 200

_group = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Try out how source topics are read.",
)

Placed = tuple[str, Record]
"""Where a record comes from, in words, and the record."""


@_group.callback()
def sources() -> None:
    """Try out how source topics are read."""


@_group.command(
    "try",
    epilog=examples(
        "pipeline sources try samples.jsonl --topic crm.contacts",
        "pipeline sources try record.avro --topic crm.contacts --header tenant=shop",
        "pipeline sources try --topic crm.contacts --newest 20",
    ),
)
def try_out(
    *,
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE]...",
            help="Sample records: JSON documents, or the bytes of one record; - is standard input.",
            show_default=False,
        ),
    ] = None,
    topic: Annotated[str, typer.Option(help="A source of topics.yaml.", show_default=False)],
    newest: Annotated[
        int | None,
        typer.Option(min=1, max=_MOST_NEWEST, help="So many records of the topic instead."),
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A header of every sample; repeatable."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON for each.")] = False,
) -> None:
    """Show what event each record becomes, as the router would read it, or why it is none.

    Nothing is written and nothing is committed. topics.yaml, and the schema registry where records
    need it, are used as they are set. Exit status 1: a record is no event.
    """
    settings = load_settings()
    log_warnings_alone()
    file = topic_file(settings)
    names = [source.topic for source in file.sources]
    full_name = file.topology.events if topic == "events" else topic
    if full_name not in names:
        raise BadInput(f"--topic {topic}: no source in topics.yaml{nearest(topic, names)}")
    if bool(files) is (newest is not None):
        raise BadInput("give either files (- for standard input) or --newest")
    if newest is not None and header:
        raise BadInput("--header is for samples: the topic's own records have theirs")
    placed = (
        _of_files(files or (), full_name, headers_given(header or ()))
        if newest is None
        else _of_topic(settings, full_name, newest)
    )
    try:
        results = list(tried(settings, file, [record for _, record in placed]))
    except UnusableRegistry as exc:
        raise BadInput(str(exc)) from exc
    except RegistryAway as exc:
        raise CommandFailed(f"the schema registry does not answer: {exc}") from exc
    show = _show_json if as_json else _show
    for (place, _), result in zip(placed, results, strict=True):
        show(place, result)
    wrong = sum(isinstance(result, str) for result in results)
    if wrong:
        raise CommandFailed(f"{wrong} of {len(results)} records are no events")


def _of_files(
    files: Sequence[str], topic: str, headers: list[tuple[str, bytes | None]]
) -> list[Placed]:
    written_ms = now_ms()
    return [
        (one.place, Record(Partition(topic, 0), offset, None, one.content, written_ms, headers))
        for offset, one in enumerate(sample_values(files))
    ]


def _of_topic(settings: Settings, topic: str, count: int) -> list[Placed]:
    records = newest_records(reach(settings).connection, topic, count=count)
    return [(f"{topic}/{one.partition.number}/{one.offset}", one) for one in records]


def _show(place: str, result: Event | str) -> None:
    console = output()
    line = coloured(f"{plain(place)}: ", "dim")
    if isinstance(result, str):
        line.append(f"no event: {plain(result)}", "red")
        console.print(line, soft_wrap=True)
        return
    members = _members(result)
    line.append(plain(f"{members['type']} of account {members['account']}"), "green")
    console.print(line, soft_wrap=True)
    for name in ("id", "subject", "time", "data"):
        text = plain(members[name])
        cut = "..." if len(text) > _SHOWN_CHARS else ""
        console.print(f"  {name:<8}{text[:_SHOWN_CHARS]}{cut}", soft_wrap=True)


def _show_json(place: str, result: Event | str) -> None:
    if isinstance(result, str):
        write_json_line({"place": place, "event": None, "problem": result})
    else:
        write_json_line({"place": place, "event": _members(result), "problem": None})


def _members(event: Event) -> dict[str, Any]:
    return {
        "account": event.account,
        "type": event.type,
        "id": event.id,
        "subject": event.subject,
        "time": time_text(event.time_us // 1_000),
        "metadata": dict(event.metadata),
        "data": event.data.decode(),
    }


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    app.add_typer(_group, name="sources")
