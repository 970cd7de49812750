"""`pipeline export`: everything that the store says, into a file for another installation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from pipeline.adapters.export_file.writing import NotWritten
from pipeline.adapters.sealing import Sealer, UnusableKey, key_from_text
from pipeline.cli.endings import BadInput, CommandFailed
from pipeline.cli.loaded_settings import load_settings
from pipeline.cli.log_lines import log_warnings_alone
from pipeline.cli.terminal import examples, say
from pipeline.settings import Settings
from pipeline.wiring.configuration import sealer, topic_file
from pipeline.wiring.exporting import Unopened, export_store
from pipeline.wiring.registry_store import opened_registry

_SEAL_WITH = "--seal-with"


def export(
    file: Annotated[
        Path, typer.Argument(help="Where to write it (JSON lines).", show_default=False)
    ],
    seal_with: Annotated[
        Path | None,
        typer.Option(
            _SEAL_WITH,
            metavar="KEY_FILE",
            help="A file with the other installation's key (32 bytes in base64), which endpoints'"
            " secrets are sealed with in the file; otherwise they stay sealed with the key here.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write accounts, endpoints, relations, keys, profiles, event types and operators to a file.

    Kafka is not needed. Secrets stay sealed, API keys and passwords hashed; what was delivered, the
    audit log and events are not in it.
    """
    settings = load_settings()
    log_warnings_alone()
    try:
        sealers = None if seal_with is None else (sealer(settings), _sealer_of(seal_with))
        counts = _exported(settings, file, sealers)
    except UnusableKey as exc:
        raise BadInput(str(exc)) from exc
    except (NotWritten, Unopened) as exc:
        raise CommandFailed(str(exc)) from exc
    say(f"{file}: {counts_text(counts)}")


def counts_text(counts: Mapping[str, int]) -> str:
    """As people read it: `2 accounts, 1 endpoint`."""
    told = [
        f"{count} {kind.replace('_', ' ')}{'' if count == 1 else 's'}"
        for kind, count in counts.items()
        if count
    ]
    return ", ".join(told) or "nothing"


def _exported(
    settings: Settings, file: Path, sealers: tuple[Sealer, Sealer] | None
) -> Mapping[str, int]:
    topology = topic_file(settings).topology
    store = opened_registry(settings)
    try:
        return export_store(store.whole, file, topology=topology, sealers=sealers)
    finally:
        store.close()


def _sealer_of(path: Path) -> Sealer:
    try:
        lines = path.read_text(encoding="latin-1").split()
    except OSError as exc:
        raise UnusableKey(f"{_SEAL_WITH} {path}: {exc.strerror}") from exc
    return Sealer(key_from_text(lines[0] if lines else "", setting=f"{_SEAL_WITH} {path}"))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog=examples(
            "pipeline export everything.jsonl",
            "pipeline export everything.jsonl --seal-with other.key",
        )
    )(export)
