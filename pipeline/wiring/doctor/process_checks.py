"""Which processes of the pipeline run on this machine, and whether they work."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, cast

import psutil

from pipeline.settings import Settings
from pipeline.wiring.doctor.finding import Finding, ok, warning

_ANSWER_SECONDS: Final = 2.0
_MOST_ANSWER_BYTES: Final = 1024 * 1024
_CHECK: Final = "processes"


def running_findings(settings: Settings) -> Iterator[Finding]:
    """A finding for each process that has left word of itself in the data folder."""
    notes = sorted((settings.data_dir / "run").glob("*-*.json"))
    findings = [finding for note in notes if (finding := _finding(settings, note)) is not None]
    yield from findings
    if not findings:
        yield ok(_CHECK, f"none runs here with the data folder {settings.data_dir}")


def _finding(settings: Settings, note: Path) -> Finding | None:
    name = note.stem
    try:
        left = json.loads(note.read_bytes())
        pid, port = int(left["pid"]), int(left["health_port"])
    except (OSError, ValueError, KeyError, TypeError):
        return None  # it ended at this moment, or the note is not ours
    if not psutil.pid_exists(pid):
        return None
    host = settings.stage.health_host
    answer = _ready(host if host not in {"0.0.0.0", "::"} else "127.0.0.1", port)  # noqa: S104 - compared, not bound
    if answer is None:
        return warning(
            _CHECK, f"{name} (process {pid}) does not answer on port {port}", "look at its log"
        )
    is_ready, detail = answer
    held = cast("list[object]", detail.get("held") or [])
    if held:
        text = f"{name} (process {pid}) holds {len(held)} partitions; the first: {held[0]}"
        return warning(_CHECK, text, "pipeline offsets show, then pipeline offsets set")
    if not is_ready:
        return warning(
            _CHECK, f"{name} (process {pid}) is not ready yet", "wait, or look at its log"
        )
    return ok(_CHECK, f"{name} (process {pid}) works, {detail.get('partitions', 0)} partitions")


def _ready(host: str, port: int) -> tuple[bool, dict[str, Any]] | None:
    connection = http.client.HTTPConnection(host, port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        detail: object = json.loads(answer.read(_MOST_ANSWER_BYTES))
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
    if not isinstance(detail, dict):
        return None
    return answer.status == http.client.OK, cast("dict[str, Any]", detail)
