"""Where the demo is seen: a table that changes on a terminal, a line for each change elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live

from pipeline.demo.progress import Progress
from pipeline.demo.table import letter_lines, line, page


class LiveTable:
    """Draws the table anew where something has changed, while it is entered."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False, redirect_stdout=False)
        self._shown: tuple[str, ...] = ()

    def show(self, progress: Sequence[Progress], title: str) -> None:
        lines = (title, *map(line, progress))
        if lines != self._shown:
            self._shown = lines
            self._live.update(page(progress, title), refresh=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()


class PlainLines:
    """Says how a delivery stands when it has come to its end, and at last the dead letters."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._said: set[tuple[str, str]] = set()
        self._progress: Sequence[Progress] = ()

    def show(self, progress: Sequence[Progress], title: str) -> None:  # noqa: ARG002 - of no use here
        self._progress = progress
        for each in progress:
            if not each.is_settled:
                continue
            delivery = (each.expected.id, each.attempts[0].delivery_id)
            if delivery not in self._said:
                self._said.add(delivery)
                self._say(line(each))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for text in letter_lines(self._progress):
            self._say(text)
