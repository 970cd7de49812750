"""Tables on a terminal, and how figures are written in them."""

from __future__ import annotations

from rich import box
from rich.table import Table

from benchmarks.rates import Spread


def table_of(title: str, texts: tuple[str, ...], numbers: tuple[str, ...]) -> Table:
    """Without rows; texts stand on the left, numbers on the right."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for name in texts:
        table.add_column(name, no_wrap=True)
    for name in numbers:
        table.add_column(name, justify="right")
    return table


def markdown_table(texts: tuple[str, ...], numbers: tuple[str, ...]) -> Table:
    """The same without a title, to be pasted into a document."""
    table = table_of("", texts, numbers)
    table.title = None
    table.box = box.MARKDOWN
    return table


def figure_text(found: Spread | None, form: str) -> str:
    """The median; beside it half the distance between the least and the most where runs differ."""
    if found is None:
        return ""
    if found.least == found.most:
        return format(found.median, form)
    return f"{found.median:{form}} ±{(found.most - found.least) / 2:{form}}"
