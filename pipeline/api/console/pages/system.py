"""The system: its processes, how far each partition is read, versions and settings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, cast

import msgspec
from starlette.responses import Response

from pipeline.api.console.pages.overview import AskBacklog, Backlog, ReadPosition
from pipeline.api.console.visit import Page, Visit
from pipeline.api.status import Standing

_MOST_POSITIONS: Final = 200


class ShownSetting(NamedTuple):
    """A setting as it may be read: nothing secret is in it."""

    name: str
    value: str
    is_default: bool


class Process(NamedTuple):
    """One that belongs to us."""

    name: str
    is_ready: bool
    pid: int | None
    restarts: int | None


@dataclass(frozen=True, slots=True)
class SystemPorts:
    """Who is asked."""

    standing: Callable[[], Awaitable[Standing]]
    backlog: AskBacklog
    settings: Sequence[ShownSetting]
    versions: Sequence[tuple[str, str]]


def system_page(ports: SystemPorts) -> Page:
    """The page, and the part of it that is live."""

    async def system(visit: Visit) -> Response:
        standing = await ports.standing()
        return visit.page(
            "system_live.html" if visit.is_fragment else "system.html",
            processes=processes_of(standing),
            is_supervised=_is_supervised(standing),
            is_well=standing.status == 200,  # noqa: PLR2004 - OK
            positions=_positions(await ports.backlog()),
            most=_MOST_POSITIONS,
            settings=ports.settings,
            versions=ports.versions,
        )

    return system


def processes_of(standing: Standing) -> list[Process]:
    """Those that a supervisor runs; without one, what this process says of itself."""
    found = _document(standing)
    stages = cast("dict[str, dict[str, Any]]", found.get("stages") or {})
    known = dict(stages)
    if isinstance(found.get("broker"), dict):
        known["broker"] = cast("dict[str, Any]", found["broker"])
    if not known:
        return [Process("api", found.get("status") == "ok", None, None)]
    return [
        Process(name, bool(one.get("ready")), one.get("pid"), one.get("restarts"))
        for name, one in sorted(known.items())
    ]


def _is_supervised(standing: Standing) -> bool:
    return "stages" in _document(standing)


def _document(standing: Standing) -> dict[str, Any]:
    try:
        return msgspec.json.decode(standing.body, type=dict[str, Any])
    except msgspec.MsgspecError:
        return {}


def _positions(backlog: Backlog | None) -> list[ReadPosition] | None:
    """Those first that somebody has to look at. None: Kafka does not answer."""
    if backlog is None:
        return None
    return sorted(backlog.positions, key=lambda one: (one.state != "held", -one.late))
