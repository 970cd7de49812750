"""Brings producers' schemas into memory before their records are read.

What the registry does not say is asked again until it does: a record is never given up because the
registry is away.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol

from pipeline.adapters.kafka.schema_registry import RegistryAway, UnknownSchema
from pipeline.adapters.kafka.wire_format import SchemaName
from pipeline.adapters.kafka.writer_schema import UnusableSchema, WriterSchema
from pipeline.adapters.kafka.writer_schemas import WriterSchemas
from pipeline.flow import Record

log = logging.getLogger(__name__)

MOST_AT_ONCE: Final = 4
FIRST_WAIT_SECONDS: Final = 0.25
LONGEST_WAIT_SECONDS: Final = 5.0
SURE_SECONDS: Final = 1.0
"""A schema that was registered just now may not have come to every registry yet: what one does not
know is asked once more after so long."""
UNKNOWN_SECONDS: Final = 60.0
"""How long it is believed that a schema is not known."""

Start = Callable[[Coroutine[Any, Any, None]], None]


class Registry(Protocol):
    """Where schemas are; blocks, for a thread."""

    def schema(self, name: SchemaName) -> WriterSchema:
        """Raises RegistryAway, UnknownSchema or UnusableSchema."""
        ...


class SchemaLoading:
    """A gate before the reading of records: one whose schema is not here has to wait.

    Event loop only; what blocks runs in threads. `missing` says which schema a record needs and is
    not kept in `schemas`.
    """

    def __init__(
        self,
        registry: Registry,
        schemas: WriterSchemas,
        missing: Callable[[Record], SchemaName | None],
        *,
        start: Start,
    ) -> None:
        self._registry = registry
        self._schemas = schemas
        self._missing = missing
        self._start = start
        self._wanted: dict[SchemaName, asyncio.Event] = {}
        self._listeners: list[Callable[[], None]] = []
        self._turn = asyncio.Semaphore(MOST_AT_ONCE)
        self._is_away = False

    def listen(self, on_loaded: Callable[[], None]) -> None:
        """Told whenever a record that had to wait may go."""
        self._listeners.append(on_loaded)

    def admits(self, record: Record) -> bool:
        """Whether it can be read now; what it lacks is fetched from here on."""
        name = self._missing(record)
        if name is None:
            return True
        self._want(name)
        return False

    async def wait_admitted(self, record: Record) -> None:
        """Return when the record can be read: read it before anything else is awaited."""
        while (name := self._missing(record)) is not None:
            await self._want(name).wait()

    def _want(self, name: SchemaName) -> asyncio.Event:
        loaded = self._wanted.get(name)
        if loaded is None:
            loaded = self._wanted[name] = asyncio.Event()
            self._start(self._load(name))
        return loaded

    async def _load(self, name: SchemaName) -> None:
        async with self._turn:
            found = await self._found(name)
        self._schemas.keep(name, found)
        self._wanted.pop(name).set()
        for on_loaded in self._listeners:
            on_loaded()

    async def _found(self, name: SchemaName) -> WriterSchema | str:
        """The schema, or why there is none to read with."""
        wait_seconds, was_unknown = FIRST_WAIT_SECONDS, False
        while True:
            try:
                schema = await asyncio.to_thread(self._registry.schema, name)
            except UnknownSchema as exc:
                if was_unknown:
                    loop = asyncio.get_running_loop()
                    loop.call_later(UNKNOWN_SECONDS, self._schemas.forget, name)
                    return str(exc)
                was_unknown = True
                await asyncio.sleep(SURE_SECONDS)
            except UnusableSchema as exc:
                return str(exc)
            except RegistryAway as exc:
                self._say_away(name, exc)
                await asyncio.sleep(wait_seconds)
                wait_seconds = min(2 * wait_seconds, LONGEST_WAIT_SECONDS)
            else:
                self._is_away = False
                return schema

    def _say_away(self, name: SchemaName, error: RegistryAway) -> None:
        if not self._is_away:
            self._is_away = True
            log.warning(
                "the schema registry does not answer; records of the schema with %s wait: %s",
                name,
                error,
            )
