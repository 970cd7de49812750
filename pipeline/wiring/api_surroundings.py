"""What the API's process has, before anything of the application is made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pipeline.api.status import Standing
from pipeline.domain.event_document import EVENT_KEYS, EventKey
from pipeline.registry import Registry
from pipeline.settings import Settings
from pipeline.telemetry.tally import Tally
from pipeline.watching import Operations
from pipeline.wiring.judge_parts import operations_of
from pipeline.wiring.registry_store import RegistryStore
from pipeline.wiring.stage_process import Surroundings
from pipeline.wiring.table_records import OutboxRecords


@dataclass(frozen=True, slots=True)
class ApiSurroundings:
    """What the API's process has."""

    process: Surroundings
    store: RegistryStore
    tally: Tally
    standing: Callable[[], Awaitable[Standing]]
    fail: Callable[[BaseException], None]
    """The process cannot go on, and has to start anew. On the event loop."""

    @property
    def settings(self) -> Settings:
        return self.process.settings

    @property
    def registry(self) -> Registry:
        return self.store.registry

    @property
    def operations(self) -> Operations | None:
        process = self.process
        return operations_of(process.settings, process.codec, process.topology)

    @property
    def event_key(self) -> EventKey:
        return EVENT_KEYS[self.settings.events.key]

    @property
    def records(self) -> OutboxRecords:
        return OutboxRecords(self.process.codec, self.process.topology)
