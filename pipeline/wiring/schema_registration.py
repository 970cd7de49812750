"""Our own schemas in a schema registry, for other tools: our processes do not ask it for them."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Final

import msgspec

from pipeline.adapters.kafka.schema_files import load_schemas
from pipeline.resources import SCHEMAS_DIR
from pipeline.wiring.schema_reading import schema_registry

if TYPE_CHECKING:
    from pipeline.adapters.kafka.topic_file import TopicFile
    from pipeline.settings import Settings

_SCHEMA_OF: Final = {
    "events": "event",
    "shared-delivery": "delivery",
    "dead-letter": "dead_letter",
    "attempts": "attempts",
    "accounts": "account",
    "profiles": "profile",
    "endpoints": "endpoint",
    "relations": "relation",
    "positions": "position",
    "jobs": "job",
    "interventions": "intervention",
}
"""By the topic's name without the prefix. Tiers, and endpoints' own topics, hold deliveries too."""


def register_schemas(settings: Settings, file: TopicFile) -> tuple[str, ...]:
    """The subjects that did not have our schema yet; none without a registry.

    Raises UnusableRegistry, RegistryAway, RegistryRefused and UnusableSchemas.
    """
    registry = schema_registry(settings)
    if registry is None:
        return ()
    with closing(registry):
        subjects = our_subjects(file).items()
        return tuple(subject for subject, text in subjects if registry.register(subject, text))


def our_subjects(file: TopicFile) -> dict[str, str]:
    """The schema that this version writes, by its subject. Raises UnusableSchemas."""
    schemas = load_schemas(SCHEMAS_DIR)
    return {
        f"{file.topology.named(name)}-value": msgspec.json.encode(
            schemas[schema].written.declared
        ).decode()
        for name, schema in _SCHEMA_OF.items()
    }
