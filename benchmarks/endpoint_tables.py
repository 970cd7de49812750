"""Writes a layout's accounts and endpoints into the tables, as `pipeline endpoints apply` would."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from benchmarks.children import BenchmarkFailed
from benchmarks.endpoint_layouts import (
    EndpointLayout,
    TopicKind,
    accounts_of,
    credentials_of,
    endpoints_of,
)
from pipeline.adapters.kafka.codec import RecordCodec
from pipeline.adapters.kafka.schema_files import load_schemas
from pipeline.adapters.sealing import Sealer, key_from_file
from pipeline.domain.credentials import write_credentials
from pipeline.domain.endpoint import Endpoint
from pipeline.domain.topology import Topology
from pipeline.flow import Emit
from pipeline.resources import SCHEMAS_DIR
from pipeline.wiring.table_publishing import Unacknowledged, publish_records


def own_topics(layout: EndpointLayout, topology: Topology) -> list[str]:
    """The delivery topics that must be there before the tables name them."""
    if layout.topics is TopicKind.SHARED:
        return []
    return [topology.delivery(endpoint_id) for endpoint_id in layout.endpoint_ids()]


def publish_tables(
    servers: str, layout: EndpointLayout, topology: Topology, *, address: str, data_dir: Path
) -> None:
    """Return when the brokers have all of it; secrets are sealed with the key of the data folder.

    There are no limits here, so that ten thousand endpoints are as easily made as one.
    Raises BenchmarkFailed.
    """
    codec = RecordCodec(load_schemas(SCHEMAS_DIR))
    sealer = Sealer(key_from_file(data_dir / "secrets.key"))

    def endpoint_record(endpoint: Endpoint) -> Emit:
        key = endpoint.id.encode()
        content = write_credentials(credentials_of(endpoint.id))
        sealed = replace(endpoint, sealed=sealer.seal(content, record_key=key))
        return Emit(topology.endpoints, codec.encode_endpoint(sealed), key)

    accounts = [
        Emit(topology.accounts, codec.encode_account(account), account.id.encode())
        for account in accounts_of(layout)
    ]
    endpoints = [endpoint_record(one) for one in endpoints_of(layout, topology, address)]
    try:
        asyncio.run(publish_records({"bootstrap.servers": servers}, accounts, endpoints))
    except Unacknowledged as exc:
        raise BenchmarkFailed(f"the tables could not be written: {exc}") from exc
