"""Everything that the store says, into a file that another installation can import."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pipeline.adapters.export_file.writing import write_export
from pipeline.adapters.sealing import CannotOpen, Sealer
from pipeline.clock import now_ms
from pipeline.domain.endpoint import Endpoint
from pipeline.domain.rfc3339 import time_text_of
from pipeline.domain.topology import Topology
from pipeline.moving import Entry, MovedEndpoint, MovedEntry, WholeStore


class Unopened(Exception):
    """Secrets that no key here opens cannot be sealed with another; the text says whose."""


def export_store(
    store: WholeStore, path: Path, *, topology: Topology, sealers: tuple[Sealer, Sealer] | None
) -> Mapping[str, int]:
    """How many of each kind were written.

    `sealers`: the one that opens secrets and the one that seals them for the new installation;
    None: they go as they are sealed here.

    Raises:
        NotWritten, Unopened, StoreFailed: there is no such file then.
    """
    made_at = time_text_of(now_ms() * 1_000)
    with store.entries() as entries:
        moved = (_moved(entry, topology, sealers) for entry in entries)
        return write_export(path, moved, made_at=made_at)


def moved_endpoint(endpoint: Endpoint, topology: Topology) -> MovedEndpoint:
    """Without what only its installation knows."""
    has_own_topic = topology.endpoint_of(endpoint.topic) is not None
    without = replace(endpoint, topic="", moved_from=None, moved_at_ms=0, version=0)
    return MovedEndpoint(without, has_own_topic)


def _moved(entry: Entry, topology: Topology, sealers: tuple[Sealer, Sealer] | None) -> MovedEntry:
    if not isinstance(entry, Endpoint):
        return entry
    if sealers is not None and entry.sealed is not None:
        entry = replace(entry, sealed=_resealed(entry, entry.sealed, sealers))
    return moved_endpoint(entry, topology)


def _resealed(endpoint: Endpoint, sealed: bytes, sealers: tuple[Sealer, Sealer]) -> bytes:
    here, there = sealers
    record_key = endpoint.id.encode()
    try:
        return there.seal(here.open(sealed, record_key=record_key), record_key=record_key)
    except CannotOpen as exc:
        raise Unopened(f"the secrets of the endpoint {endpoint.id}: {exc}") from exc
