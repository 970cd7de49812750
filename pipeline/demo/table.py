"""The demo on a terminal: a table that grows, and what lies in the dead-letter topic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pipeline.demo.contracts import CONTRACTS
from pipeline.demo.progress import Progress, problems_of
from pipeline.domain.delivery import DeadLetter

_WAITING: Final = "dim"
_GOOD: Final = "green"
_UNDER_WAY: Final = "yellow"
_DEAD: Final = "magenta"
_BAD: Final = "bold red"


def page(progress: Sequence[Progress], title: str) -> RenderableType:
    """All deliveries, and the dead letters below."""
    return Group(_deliveries(progress, title), Text(""), _dead_letters(progress))


def line(progress: Progress) -> str:
    """One delivery where there is no terminal to draw on."""
    return (
        f"{progress.state:16} {progress.expected.system:18} {progress.event_type:28} "
        f"{progress.expected.id:22} {progress.answers or '-':16} {checked(progress)}"
    )


def letter_lines(progress: Sequence[Progress]) -> Iterator[str]:
    """The dead letters there."""
    for each, letter in _letters(progress):
        yield (
            f"dead letter: {letter.reason}, {each.expected.id}, {each.event_type}, "
            f"{letter.attempts} attempts, {_outcome(letter)}"
        )


def checked(progress: Progress) -> str:
    """What the receiver says of the requests."""
    if any(one.problems for one in progress.seen):
        return "WRONG: " + "; ".join(
            dict.fromkeys(problem for one in progress.seen for problem in one.problems)
        )
    if not progress.seen:
        return "-"
    return f"ok, {CONTRACTS[progress.expected.contract].checked}"


def _deliveries(progress: Sequence[Progress], title: str) -> Table:
    grid = Table(title=title, box=None, pad_edge=False, header_style="bold", title_justify="left")
    for column in ("system", "event", "endpoint", "status", "attempts", "checked"):
        grid.add_column(column, overflow="fold", no_wrap=column != "checked")
    for each in progress:
        grid.add_row(
            each.expected.system,
            each.event_type,
            each.expected.id,
            Text(each.state, style=_style(each)),
            each.answers,
            Text(checked(each), style=_BAD if any(one.problems for one in each.seen) else ""),
        )
    return grid


def _style(progress: Progress) -> str:
    if progress.is_settled and problems_of(progress):
        return _BAD
    if progress.letter is not None:
        return _DEAD
    if progress.is_settled:
        return _GOOD
    return _UNDER_WAY if progress.attempts else _WAITING


def _dead_letters(progress: Sequence[Progress]) -> Table:
    letters = _letters(progress)
    grid = Table(
        title="dead letters" if letters else "no dead letters yet",
        box=None,
        pad_edge=False,
        header_style="bold",
        show_header=bool(letters),
        title_justify="left",
    )
    for column in ("reason", "endpoint", "event", "attempts", "last outcome"):
        grid.add_column(column)
    for each, letter in letters:
        attempts, outcome = str(letter.attempts), _outcome(letter)
        grid.add_row(letter.reason, each.expected.id, each.event_type, attempts, outcome)
    return grid


def _letters(progress: Sequence[Progress]) -> list[tuple[Progress, DeadLetter]]:
    return [(each, each.letter) for each in progress if each.letter is not None]


def _outcome(letter: DeadLetter) -> str:
    outcome = letter.outcome or "never tried"
    return outcome if letter.status is None else f"{outcome} ({letter.status})"
