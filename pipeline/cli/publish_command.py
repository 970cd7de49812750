"""`pipeline publish`: events from files or standard input, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Annotated, Final, Self

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from pipeline.adapters.kafka.inquiry import KafkaRefused, KafkaUnreachable
from pipeline.adapters.kafka.publishing import EventPublisher
from pipeline.adapters.kafka.source_formats import SourceFormat
from pipeline.cli.api_access import KeyOption
from pipeline.cli.endings import BadInput, CommandFailed, nearest
from pipeline.cli.events_given import STDIN, check_files, events_of, is_file
from pipeline.cli.loaded_settings import load_settings
from pipeline.cli.log_lines import log_warnings_alone
from pipeline.cli.publish_to_api import publish_to_api
from pipeline.cli.terminal import examples, notices, say, write_json_line
from pipeline.domain.delivery import Position
from pipeline.domain.event_document import EVENT_KEYS, EventDocument, EventKey
from pipeline.settings import Settings
from pipeline.wiring.reach import Reach, reach

_MANY: Final = 200
"""From so many on a bar is shown."""


def publish(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE]...", help="JSON files; - is standard input, and the default."
        ),
    ] = None,
    *,
    topic: Annotated[
        str | None,
        typer.Option(help="A source topic; the pipeline's own events topic if not given."),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="A line of JSON for each event: id, topic, partition, offset."),
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Do not print the ids.")] = False,
    through_api: Annotated[
        bool, typer.Option("--api", help="Through the API, where Kafka cannot be reached.")
    ] = False,
    key: KeyOption = None,
) -> None:
    """Publish events, and print the id of each once Kafka has acknowledged it.

    A file holds one JSON document, several, one on each line, or an array of them: {"account",
    "type", "data", "id"?, "time"?, "subject"?, "metadata"?}. All files are checked before anything
    is sent: if one event cannot be taken, none is. What comes through standard input is sent as it
    comes, up to the first event that cannot be taken.
    """
    names = files or [STDIN]
    settings = load_settings()
    log_warnings_alone()
    if through_api and topic is not None:
        raise BadInput("--topic: the API publishes to the pipeline's own topic alone")
    total = check_files([name for name in names if is_file(name)])
    printed = _Printed(total, as_json=as_json, is_quiet=quiet)
    if through_api:
        acknowledged = printed.acknowledged
        publish_all = partial(publish_to_api, settings, key=key, on_acknowledged=acknowledged)
    else:
        publish_all = _way_to_kafka(settings, topic, printed)
    try:
        with printed:
            publish_all(events_of(names))
    except BadInput as exc:
        raise BadInput(
            *exc.lines, f"published before it: {printed.count}; nothing after it"
        ) from exc


def _way_to_kafka(
    settings: Settings, topic: str | None, printed: _Printed
) -> Callable[[Iterable[EventDocument]], None]:
    at = reach(settings)
    target = topic or at.topology.events
    _check_topic(at, target)

    def publish_all(events: Iterable[EventDocument]) -> None:
        acknowledged = printed.acknowledged
        try:
            with EventPublisher(at.connection, target, on_acknowledged=acknowledged) as publisher:
                _publish(publisher, events, EVENT_KEYS[settings.events.key])
        except (KafkaUnreachable, KafkaRefused) as exc:
            raise CommandFailed(
                f"{exc}; acknowledged before: {printed.count}. Of the rest some may have arrived: "
                "events with an id can be published again, receivers recognise them by it"
            ) from exc

    return publish_all


def _publish(publisher: EventPublisher, events: Iterable[EventDocument], key_of: EventKey) -> None:
    for event, content in events:
        publisher.publish(event.id, key_of(event.account, event.subject), content)


def _check_topic(at: Reach, topic: str) -> None:
    sources = {source.topic: source for source in at.topic_file.sources}
    if topic not in sources:
        raise BadInput(f"--topic {topic}: no source of the router{nearest(topic, sources)}")
    wanted = sources[topic].format
    if wanted not in {SourceFormat.AUTO, SourceFormat.JSON}:
        raise BadInput(f"--topic {topic}: the router takes {wanted} there, and this writes JSON")
    if topic not in at.inquiry().topics():
        raise BadInput(
            f"--topic {topic}: there is no such topic; make it with `pipeline topics apply`"
        )


class _Printed:
    """Ids as they are acknowledged, a bar where there are many, and a count at the end."""

    def __init__(self, total: int, *, as_json: bool, is_quiet: bool) -> None:
        self.count = 0
        self._as_json = as_json
        self._is_quiet = is_quiet
        console = notices()
        self._progress = Progress(
            TextColumn("publishing"),
            BarColumn(),
            MofNCompleteColumn(),
            console=console,
            transient=True,
        )
        self._progress.disable = total < _MANY or not console.is_terminal
        self._bar = self._progress.add_task("", total=total)

    def acknowledged(self, event_id: str, position: Position | None = None) -> None:
        self.count += 1
        self._progress.update(self._bar, completed=self.count)
        if self._is_quiet:
            return
        try:
            if self._as_json:
                place = {} if position is None else position._asdict()
                write_json_line({"id": event_id, **place})
            else:
                typer.echo(event_id)
        except BrokenPipeError:
            self._is_quiet = True  # whoever read the ids is gone; the events still go out

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
        if self.count != 1 or self._is_quiet:
            say(f"{self.count} published")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        short_help="Publish events from files or standard input.",
        epilog=examples(
            "pipeline publish booking.json",
            "pipeline publish exported/*.jsonl --quiet",
            "pipeline publish booking.json --api",
            """echo '{"account": "a", "type": "person.created", "data": 1}' | pipeline publish""",
        ),
    )(publish)
