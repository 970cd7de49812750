"""The schema registry of the settings, and a stage that reads producers' own Avro with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.adapters.kafka.schema_loading import SchemaLoading
from pipeline.adapters.kafka.schema_registry import SchemaRegistry

if TYPE_CHECKING:
    from pipeline.settings import Settings
    from pipeline.wiring.stage_process import Parts


def schema_registry(settings: Settings) -> SchemaRegistry | None:
    """To be closed; None where none is set. Raises UnusableRegistry."""
    address, auth = settings.kafka.schema_registry, settings.kafka.schema_registry_auth
    if address is None:
        return None
    return SchemaRegistry(address, auth=None if auth is None else auth.get_secret_value())


def schema_loading(parts: Parts) -> SchemaLoading | None:
    """None where no registry is set. Raises UnusableRegistry."""
    codec = parts.surroundings.codec
    registry = schema_registry(parts.surroundings.settings)
    if registry is None or codec.writer_schemas is None:
        return None
    parts.closing.callback(registry.close)
    return SchemaLoading(
        registry, codec.writer_schemas, codec.missing_schema, start=parts.tasks.start
    )
