"""Which schemas each release writes and reads, and whether today's can stand beside them.

While one release takes another's place both run, and each reads what the other writes. So a new
schema is announced first: its file lies in `schemas/released/` one release before it is written.

    python -m pipeline.adapters.kafka.schema_release            notes what this release has
    python -m pipeline.adapters.kafka.schema_release FILE       announces a schema of the next
"""

from __future__ import annotations

import json
import shutil
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypedDict, cast

from pipeline.adapters.kafka.schema_files import (
    MARKER,
    NAMES,
    RELEASED,
    SchemaVersion,
    UnusableSchemas,
    load_schemas,
    version_of,
)
from pipeline.adapters.kafka.schema_resolution import differences
from pipeline.resources import SCHEMAS_DIR

NOTES: Final = "releases.json"


class Known(TypedDict):
    """What a release knows of one record, by fingerprints."""

    writes: str
    reads: list[str]


Releases = Mapping[str, Mapping[str, Known]]
"""By release, the oldest first, and by the record's name."""


def noted_releases(folder: Path) -> dict[str, dict[str, Known]]:
    """Every release so far. Raises UnusableSchemas."""
    path = folder / RELEASED / NOTES
    if not path.exists():
        return {}
    try:
        return cast("dict[str, dict[str, Known]]", json.loads(path.read_bytes()))
    except ValueError as exc:
        raise UnusableSchemas(f"{path}: not JSON: {exc}") from exc


def problems(folder: Path) -> list[str]:
    """What keeps today's schemas from standing beside released ones: release, schema and field.

    Raises UnusableSchemas.
    """
    schemas = load_schemas(folder)
    today = {name: schemas[name].written for name in NAMES}
    readable = {
        name: {_digits(each): each for each in (record.written, *record.others)}
        for name, record in schemas.items()
    }
    found: list[str] = []
    releases = noted_releases(folder)
    for release, records in releases.items():
        for name, known in records.items():
            version = readable.get(name, {}).get(known["writes"])
            if version is None:
                found.append(
                    f"{name}: {folder.name}/{RELEASED}/{name}.{known['writes']}.avsc is missing:"
                    f" {release} writes it, and a released schema is kept for ever"
                )
                continue
            found += _unreadable(version, today[name], f"{name}: what {release} writes: ")
    if releases:
        last = list(releases)[-1]
        found += _beside(today, readable, (last, releases[last]))
    return found


def _beside(
    today: Mapping[str, SchemaVersion],
    readable: Mapping[str, Mapping[str, SchemaVersion]],
    last: tuple[str, Mapping[str, Known]],
) -> Iterator[str]:
    """Whether processes of the last release read what is written today."""
    release, records = last
    for name, known in records.items():
        written = today[name]
        if _digits(written) not in known["reads"]:
            changed = ", ".join(_changed_fields(readable[name].get(known["writes"]), written))
            yield (
                f"{name}: {release} does not know what {name}.avsc writes ({changed or 'changed'}),"
                f" and runs beside it while it is replaced: keep {name}.avsc as it was released,"
                f" announce the new one (make announce-schema FILE=...), and write it one release"
                f" later; where {release} is not out yet, note it anew (make release-schemas)"
            )
        elif (reader := readable[name].get(known["writes"])) is not None:
            yield from _unreadable(
                written, reader, f"{name}: what is written today, by {release}: "
            )


def _unreadable(writer: SchemaVersion, reader: SchemaVersion, where: str) -> Iterator[str]:
    for difference in differences(writer.declared, reader.declared):
        yield f"{where}{difference}"


def _changed_fields(before: SchemaVersion | None, now: SchemaVersion) -> list[str]:
    if before is None:
        return []
    was, its = (
        {str(field["name"]): field["type"] for field in cast("list[Any]", each.declared["fields"])}
        for each in (before, now)
    )
    return [name for name in {**was, **its} if was.get(name) != its.get(name)]


def note_release(folder: Path, release: str) -> None:
    """Keep what is written now among the released schemas; a release that is noted is noted anew.

    Raises UnusableSchemas.
    """
    releases = noted_releases(folder)
    before = releases.pop(release, {})
    kept = {(name, one["writes"]) for records in releases.values() for name, one in records.items()}
    for name, known in before.items():
        if (name, known["writes"]) not in kept:
            _path_of(folder, name, known["writes"]).unlink(missing_ok=True)
    for name in NAMES:
        _keep(folder, name, folder / f"{name}.avsc")
    releases[release] = {
        name: Known(
            writes=_digits(record.written),
            reads=sorted({_digits(each) for each in (record.written, *record.others)}),
        )
        for name, record in load_schemas(folder).items()
    }
    text = json.dumps(releases, indent=2) + "\n"
    (folder / RELEASED / NOTES).write_text(text, encoding="utf-8")


def announce(folder: Path, path: Path) -> Path:
    """Keep a schema that the next release will write, so that this one reads it.

    Its file has the name of its record, `<name>.avsc`. Raises UnusableSchemas.
    """
    if path.stem not in NAMES:
        raise UnusableSchemas(f"{path}: call it like the record: {', '.join(NAMES)}")
    return _keep(folder, path.stem, path)


def _keep(folder: Path, name: str, path: Path) -> Path:
    try:
        version = version_of(json.loads(path.read_bytes()))
    except (OSError, ValueError) as exc:
        raise UnusableSchemas(f"{path}: {exc}") from exc
    kept = _path_of(folder, name, _digits(version))
    kept.parent.mkdir(exist_ok=True)
    if not kept.exists():
        shutil.copyfile(path, kept)
    return kept


def _path_of(folder: Path, name: str, digits: str) -> Path:
    return folder / RELEASED / f"{name}.{digits}.avsc"


def _digits(version: SchemaVersion) -> str:
    return version.header.removeprefix(MARKER).hex()


def main() -> None:
    """Exit status 1, and a line for each problem, where today's schemas break a release."""
    if sys.argv[1:]:
        announce(SCHEMAS_DIR, Path(sys.argv[1]))
    else:
        project = tomllib.loads((SCHEMAS_DIR.parent / "pyproject.toml").read_text("utf-8"))
        note_release(SCHEMAS_DIR, project["project"]["version"])
    sys.exit("\n".join(problems(SCHEMAS_DIR)) or None)


if __name__ == "__main__":
    main()
