"""Charts of stacked horizontal bars as SVG. Pure.

Readable on light and on dark pages: the chart brings its own ground, and both follow the reader's
`prefers-color-scheme`. Every part is labelled with its number as far as it has room, and has a
title to be read on hovering, so that nothing is told by colours alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

_WIDTH: Final = 920
_LEFT: Final = 190
_RIGHT: Final = 70
_TOP: Final = 76
_ROW: Final = 30
_BAR: Final = 20
_BOTTOM: Final = 46
_LEGEND_STEP: Final = 104
_CHARACTER: Final = 7
"""About so many pixels; for deciding whether a number has room."""
_MOST_TICKS: Final = 8

# Okabe and Ito's colours, which people with any colour vision can tell apart; dark text on all.
_COLOURS: Final = (
    *("#56b4e9", "#e69f00", "#2fb58c", "#cc79a7", "#f0e442", "#a6a6a6", "#d98a5f", "#8c9eff"),
)
_STYLE: Final = (
    "text{font:13px system-ui,sans-serif;fill:#1f2328}"
    ".title{font-size:15px;font-weight:600}.part{font-size:11px;fill:#101418}"
    ".ground{fill:#fff}.line{stroke:#8c959f;stroke-width:.5}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.part{fill:#101418}"
    ".ground{fill:#161b22}.line{stroke:#6e7681}}"
)


@dataclass(frozen=True, slots=True)
class Bar:
    """One row: values by part, none negative."""

    name: str
    parts: dict[str, float]

    @property
    def total(self) -> float:
        return sum(self.parts.values())


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars with the same parts."""

    title: str
    unit: str
    bars: Sequence[Bar]
    note: str = ""

    @property
    def part_names(self) -> list[str]:
        """In their order of appearance."""
        return list(dict.fromkeys(name for bar in self.bars for name in bar.parts))


def svg_of(chart: Chart) -> str:
    """A whole SVG document; at least one bar with something in it, and at most eight parts."""
    colours = dict(zip(chart.part_names, _COLOURS, strict=False))
    assert len(colours) == len(chart.part_names), "more parts than colours"
    height = _TOP + _ROW * len(chart.bars) + _BOTTOM
    step = tick_step(max(bar.total for bar in chart.bars))
    most = step * -(-max(bar.total for bar in chart.bars) // step)
    scale = (_WIDTH - _LEFT - _RIGHT) / most
    size = f'viewBox="0 0 {_WIDTH} {height}" role="img"'
    body = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} aria-label="{escape(chart.title)}">',
        f"<title>{escape(chart.title)}</title><style>{_STYLE}</style>",
        f'<rect class="ground" width="{_WIDTH}" height="{height}" rx="6"/>',
        f'<text class="title" x="16" y="26">{escape(chart.title)}</text>',
        *_legend(colours),
        *_axis(most, step, scale=scale, height=height, unit=chart.unit),
    ]
    if chart.note:
        body.append(f'<text x="16" y="{height - 12}">{escape(chart.note)}</text>')
    for row, bar in enumerate(chart.bars):
        body += _bar(bar, _TOP + _ROW * row, scale=scale, colours=colours)
    return "\n".join((*body, "</svg>")) + "\n"


def tick_step(most: float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that makes at most eight steps to `most`."""
    step = 1e-6
    while True:
        for factor in (1, 2, 5):
            if most <= step * factor * _MOST_TICKS:
                return step * factor
        step *= 10


def _legend(colours: dict[str, str]) -> list[str]:
    return [
        f'<rect x="{16 + _LEGEND_STEP * at}" y="40" width="12" height="12" fill="{colour}"/>'
        f'<text x="{33 + _LEGEND_STEP * at}" y="51">{escape(name)}</text>'
        for at, (name, colour) in enumerate(colours.items())
    ]


def _axis(most: float, step: float, *, scale: float, height: int, unit: str) -> list[str]:
    lines: list[str] = []
    bottom = height - _BOTTOM
    for number in range(round(most / step) + 1):
        x = _LEFT + number * step * scale
        lines.append(
            f'<line class="line" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 6}" y2="{bottom}"/>'
            f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{number * step:g}</text>'
        )
    lines.append(
        f'<text x="{_WIDTH - _RIGHT}" y="{bottom + 34}" text-anchor="end">{escape(unit)}</text>'
    )
    return lines


def _bar(bar: Bar, y: int, *, scale: float, colours: dict[str, str]) -> list[str]:
    name = escape(bar.name)
    middle = y + _BAR - 6
    drawn = [f'<text x="{_LEFT - 8}" y="{middle}" text-anchor="end">{name}</text>']
    x = float(_LEFT)
    for part, value in bar.parts.items():
        width = value * scale
        text = f"{value:.0f}"
        drawn.append(
            f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{_BAR}"'
            f' fill="{colours[part]}"><title>{name}: {escape(part)} {value:.1f}</title></rect>'
        )
        if width > (len(text) + 1) * _CHARACTER:
            drawn.append(
                f'<text class="part" x="{x + width / 2:.1f}" y="{middle}"'
                f' text-anchor="middle">{text}</text>'
            )
        x += width
    drawn.append(f'<text x="{x + 6:.1f}" y="{middle}">{bar.total:.0f}</text>')
    return drawn
