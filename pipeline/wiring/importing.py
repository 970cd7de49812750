"""What another installation exported, into this one's store and tables."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pipeline.adapters.export_file.reading import ExportFileError, read_export
from pipeline.domain.endpoint_topics import NoOwnTopic
from pipeline.moving import MovedEndpoint, MovedEntry
from pipeline.wiring.import_check import Existing, Tallied, check_file
from pipeline.wiring.import_writing import Differs, chooser_in, keep, target_in, topic_of
from pipeline.wiring.outbox_publishing import publish_pending
from pipeline.wiring.registry_adoption import adopt_where_empty

if TYPE_CHECKING:
    from pipeline.registry import RegistryReader
    from pipeline.wiring.endpoint_changes import ChangeContext

_TOGETHER: Final = 200
"""In one transaction: others may change something in between."""
_PUBLISH_SECONDS: Final = 600.0


@dataclass(slots=True)
class Imported:
    """What became of a file."""

    met: Tallied
    """How what it says stood to what was here."""
    sharing: list[str] = field(default_factory=list[str])
    """Endpoints that had a topic to themselves, and share one here: there are too many."""


async def plan_import(path: Path, context: ChangeContext) -> Tallied:
    """What importing it would meet; nothing is written. Raises ExportFileError or StoreFailed."""
    return await asyncio.to_thread(_checked, path, context)


async def import_file(path: Path, context: ChangeContext, existing: Existing) -> Imported:
    """Into the store and the tables. The whole file is checked first.

    Whatever interrupts it, the same again goes on: what is there and the same is left alone.

    Raises:
        ExportFileError: nothing was changed.
        Differs: likewise, unless somebody changed something here meanwhile.
        TablesUnread, ClusterFailed: the tables have to be adopted first, and cannot be read.
        StoreFailed, Unacknowledged: some may be imported, or not published; do it again.
    """
    await adopt_where_empty(context.sides)
    found = await plan_import(path, context)
    if existing is Existing.REFUSE and found.differing:
        raise Differs(found.differing)
    imported = Imported(found)
    with closing(read_export(path)) as reading:
        while some := [read.entry for read in islice(reading, _TOGETHER)]:
            imported.sharing += await asyncio.to_thread(keep, some, context, existing)
    await publish_pending(context.sides, wait_seconds=_PUBLISH_SECONDS)
    return imported


def _checked(path: Path, context: ChangeContext) -> Tallied:
    with context.store.registry.reading() as reader:
        found = check_file(path, target_in(reader, context))
        _check_topics(path, reader, context)
        return found


def _check_topics(path: Path, reader: RegistryReader, context: ChangeContext) -> None:
    chooser = chooser_in(reader, context)
    for line, moved in _new_endpoints(path, reader):
        try:
            topic_of(moved, context, chooser)
        except NoOwnTopic as exc:
            raise ExportFileError(f"{path}:{line}: endpoint {moved.endpoint.id}: {exc}") from exc


def _new_endpoints(path: Path, reader: RegistryReader) -> Iterator[tuple[int, MovedEndpoint]]:
    for read in read_export(path):
        entry: MovedEntry = read.entry
        if isinstance(entry, MovedEndpoint) and reader.endpoint(entry.endpoint.id) is None:
            yield read.line, entry
