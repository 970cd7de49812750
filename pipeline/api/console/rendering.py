"""Templates, and how what they show is written. Everything is escaped."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from pipeline.api.console import charts, wording
from pipeline.api.console.static_files import StaticFiles

TEMPLATES: Final = Path(__file__).parent / "templates"


class Rendering:
    """All templates, compiled when they are first used."""

    def __init__(self, files: StaticFiles) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        known: dict[str, Any] = {"static": files.url, "charts": charts, "wording": wording}
        cast("dict[str, Any]", self._environment.globals).update(known)
        cast("dict[str, Any]", self._environment.filters).update(_FILTERS)

    def answer(self, template: str, values: Mapping[str, Any], *, status: int) -> HTMLResponse:
        """The page."""
        return HTMLResponse(self._environment.get_template(template).render(values), status)


def _pretty(value: object) -> str:
    """JSON as people read it."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


_FILTERS: Final[Mapping[str, object]] = {
    "age": wording.age,
    "count": wording.count,
    "duration": wording.duration,
    "milliseconds": wording.milliseconds,
    "moment": wording.moment,
    "pretty": _pretty,
    "rate": wording.rate,
    "share": wording.share,
}
