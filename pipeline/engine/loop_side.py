"""What the poll thread calls, on the event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from pipeline.engine.owned_partition import Begin
    from pipeline.flow import Partition, Record
    from pipeline.ports import Progress


class LoopSide(Protocol):
    """Implemented by the consume loop."""

    def begin(self, begins: Sequence[Begin]) -> None: ...

    def take(self, records: list[Record]) -> None: ...

    def skip_to(self, positions: dict[Partition, int]) -> None: ...

    def report_ends(self, ends: dict[Partition, int]) -> None: ...

    def commit_again(self) -> None: ...

    def report_held(self, held: dict[Partition, str]) -> None: ...

    def give_up(
        self, partitions: frozenset[Partition]
    ) -> Coroutine[None, None, list[Progress]]: ...

    def lose(self, partitions: frozenset[Partition]) -> Coroutine[None, None, None]: ...

    def fail(self, error: BaseException) -> None: ...
