"""A YAML file of what a delivery costs, as it was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import msgspec
import yaml

from pipeline.domain.endpoint_topics import Placement
from pipeline.domain.workload import COST_NAMES, Cost, Costs

MAX_FILE_BYTES: Final = 64 * 1024

_Amount = Annotated[float, msgspec.Meta(ge=0)]
_Row = dict[str, _Amount]


class CostsFileError(Exception):
    """A file cannot be computed with; the text names the file, the place and what to mend."""


class _OfTopics(msgspec.Struct, forbid_unknown_fields=True):
    per_event: _Row
    per_delivery: _Row


class _Idle(msgspec.Struct, forbid_unknown_fields=True):
    own: _Amount
    shared: _Amount


class _File(msgspec.Struct, forbid_unknown_fields=True):
    own: _OfTopics
    shared: _OfTopics
    per_event_kib: _Row
    per_delivery_kib: _Row
    per_failure: _Row
    idle_p99_ms: _Idle


def read_costs(path: Path) -> Costs:
    """Raises CostsFileError."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_FILE_BYTES + 1)
        if len(text) > MAX_FILE_BYTES:
            raise CostsFileError(f"{path}: larger than {MAX_FILE_BYTES} bytes")
        found = msgspec.convert(yaml.safe_load(text), _File)
    except OSError as exc:
        raise CostsFileError(f"{path}: {exc.strerror}") from exc
    except (yaml.YAMLError, msgspec.MsgspecError, RecursionError) as exc:
        raise CostsFileError(f"{path}: {exc}".replace("\n", " ")) from exc
    own, shared = Placement.DEDICATED, Placement.SHARED

    def row(found_row: _Row, place: str) -> Cost:
        wrong = COST_NAMES ^ found_row.keys()
        if wrong:
            raise CostsFileError(
                f"{path}: {place}: {', '.join(sorted(wrong))}: it has to have exactly"
                f" {', '.join(sorted(COST_NAMES))}"
            )
        return found_row

    return Costs(
        per_event={
            own: row(found.own.per_event, "own.per_event"),
            shared: row(found.shared.per_event, "shared.per_event"),
        },
        per_delivery={
            own: row(found.own.per_delivery, "own.per_delivery"),
            shared: row(found.shared.per_delivery, "shared.per_delivery"),
        },
        per_event_kib=row(found.per_event_kib, "per_event_kib"),
        per_delivery_kib=row(found.per_delivery_kib, "per_delivery_kib"),
        per_failure=row(found.per_failure, "per_failure"),
        idle_p99_ms={own: found.idle_p99_ms.own, shared: found.idle_p99_ms.shared},
    )
