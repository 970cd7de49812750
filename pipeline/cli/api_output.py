"""What the API answered, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec
import typer

from pipeline.cli.terminal import output, plain, say, table, write_json

JsonFlag = Annotated[bool, typer.Option("--json", help="Write JSON, as the API answers it.")]
LimitOption = Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")]

Item = Mapping[str, Any]

_UNSET: Final[tuple[object, ...]] = (None, "", {}, [])


def show_items(
    found: tuple[Sequence[Item], bool], columns: Iterable[str], *, as_json: bool, none: str
) -> None:
    """A list, a line for each; `none` says that there are none."""
    items, has_more = found
    if as_json:
        write_json({"items": items})
    elif not items:
        typer.echo(none)
    else:
        names = tuple(columns)
        grid = table(names)
        for item in items:
            grid.add_row(*(text_of(item.get(name)) for name in names))
        output().print(grid)
    if has_more:
        say(f"these are the first {len(items)}; --limit shows more")


def show_fields(item: Item, *, as_json: bool) -> None:
    """One thing, a line for each of its fields that is set."""
    if as_json:
        write_json(item)
        return
    grid = table(("field", "value"))
    grid.show_header = False
    for name, value in item.items():
        if value not in _UNSET:
            grid.add_row(plain(name), text_of(value))
    output().print(grid)


def text_of(value: object) -> str:
    """A value of JSON on one line."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, list) and all(isinstance(one, str) for one in value):  # pyright: ignore[reportUnknownVariableType] - of JSON
        return plain(", ".join(value)) or "-"  # pyright: ignore[reportUnknownArgumentType] - all are texts
    return plain(msgspec.json.encode(value).decode())
