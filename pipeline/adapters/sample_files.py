"""Sample events in JSON files: one for each profile that ships with the pipeline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from pipeline.domain.sample_events import SampleEvent, SampleEvents


class SampleFileError(Exception):
    """Samples cannot be used; the message names the file and the place in it."""


class _Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    type: str
    data: Any
    subject: str | None = None
    metadata: dict[str, str] = {}


def read_sample_files(folder: Path) -> SampleEvents:
    """Every `<profile>.json` of a folder. Raises SampleFileError."""
    return SampleEvents({path.stem: _read(path) for path in sorted(folder.glob("*.json"))})


def _read(path: Path) -> tuple[SampleEvent, ...]:
    try:
        written = msgspec.json.decode(path.read_bytes(), type=list[_Written])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise SampleFileError(f"{path}: {exc}") from exc
    return tuple(
        SampleEvent(each.type, _compact(each.data), each.subject, each.metadata) for each in written
    )


def _compact(data: object) -> bytes:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
