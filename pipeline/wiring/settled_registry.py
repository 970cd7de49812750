"""The store of accounts and endpoints, which an empty one is only once the tables were adopted."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from threading import Event
from typing import Final

from pipeline.domain.audit import Author
from pipeline.ports import StoreFailed
from pipeline.registry import Registry, RegistryReader, RegistryWriter

WAIT_SECONDS: Final = 5.0
"""How long a change waits for them."""
_UNSETTLED: Final = (
    "the store is empty, and Kafka's tables have not been read yet: what they say comes first"
)


class SettledRegistry:
    """Implements `Registry`.

    A first account that is made before the tables were read would make the store the truth, and
    what only the tables know would be removed from them.
    """

    def __init__(
        self, registry: Registry, *, settled: Event, wait_seconds: float = WAIT_SECONDS
    ) -> None:
        self._registry = registry
        self._settled = settled
        self._wait_seconds = wait_seconds

    def reading(self) -> AbstractContextManager[RegistryReader]:
        return self._registry.reading()

    @contextmanager
    def writing(self, by: Author | None = None) -> Generator[RegistryWriter]:
        """Raises StoreFailed: it is empty, and the tables were not read for `WAIT_SECONDS`."""
        self._wait_settled()
        with self._registry.writing(by) as writer:
            if not self._settled.is_set() and writer.is_empty():
                raise StoreFailed(_UNSETTLED)
            yield writer

    def _wait_settled(self) -> None:
        """Before the store is locked, which adopting needs itself."""
        if self._settled.is_set():
            return
        with self.reading() as reader:
            is_empty = reader.is_empty()
        if is_empty:
            self._settled.wait(self._wait_seconds)
