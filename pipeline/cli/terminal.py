"""What commands write: for people and for programs; no text from outside steers the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

_PIPED_WIDTH: Final = 10_000
"""Nothing is folded or cut for a program that reads."""
_SECOND_MS: Final = 1_000
_UNITS: Final = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"))


def output() -> Console:
    """Standard output."""
    return _console(Console(highlight=False, markup=False, emoji=False))


def notices() -> Console:
    """Standard error: what people want to know and programs do not."""
    return _console(Console(stderr=True, highlight=False, markup=False, emoji=False))


def _console(console: Console) -> Console:
    if not console.is_terminal:
        console.width = _PIPED_WIDTH
    return console


def say(text: str) -> None:
    """A line for people, on standard error."""
    typer.echo(text, err=True)


def write_json(value: object) -> None:
    """A value for programs, readable for people too."""
    typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def write_json_line(value: object) -> None:
    """One value of many, on one line."""
    typer.echo(msgspec.json.encode(value).decode())


def examples(*commands: str) -> str:
    """The end of a help text, a line for each command."""
    return "\n".join(("\b", "Examples:", *(f"  {command}" for command in commands)))


def table(columns: Sequence[str], *, numbers: Iterable[str] = ()) -> Table:
    """A table without frames; `numbers` are the columns that are aligned right."""
    aligned_right = set(numbers)
    grid = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for column in columns:
        grid.add_column(
            column, justify="right" if column in aligned_right else "left", overflow="fold"
        )
    return grid


def plain(text: str | None) -> str:
    """Text from outside on one line, control characters shown, not obeyed; `-` for none."""
    if text is None:
        return "-"
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else _shown(character) for character in text
    )


def coloured(text: str, style: str) -> Text:
    """Text in a colour, where the terminal has colours and nobody said NO_COLOR."""
    return Text(text, style=style)


def time_text(time_ms: int | None) -> str:
    """A time in UTC, to the millisecond; `-` for none."""
    if time_ms is None:
        return "-"
    moment = datetime.fromtimestamp(time_ms / _SECOND_MS, UTC)
    return moment.isoformat(sep="T", timespec="milliseconds").replace("+00:00", "Z")


def age_text(age_ms: float | None) -> str:
    """A time span in its two largest units, as in `2h 5m`; `-` for none."""
    if age_ms is None:
        return "-"
    rest = max(int(age_ms), 0)
    if rest < _SECOND_MS:
        return f"{rest}ms"
    parts: list[str] = []
    for unit_ms, name in _UNITS:
        count, rest = divmod(rest, unit_ms)
        if count or parts:
            parts.append(f"{count}{name}")
    return " ".join(part for part in parts[:2] if not part.startswith("0"))


def _shown(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
