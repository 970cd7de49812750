"""What the settings name: topics.yaml, profiles, the sealing key, the store's URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.adapters.kafka.codec import RecordCodec
from pipeline.adapters.kafka.schema_files import load_schemas
from pipeline.adapters.kafka.source_formats import SourceFormat
from pipeline.adapters.kafka.topic_file import TopicFile, TopicFileError, read_topic_file
from pipeline.adapters.kafka.writer_schemas import WriterSchemas
from pipeline.adapters.sealing import KeyFile, Sealer, key_from_text
from pipeline.domain.topology import Topology
from pipeline.resources import SCHEMAS_DIR, TOPICS_FILE

if TYPE_CHECKING:
    from pipeline.settings import Settings


def topic_file(settings: Settings) -> TopicFile:
    """Raises TopicFileError."""
    topology = Topology(settings.kafka.topic_prefix)
    file = read_topic_file(settings.kafka.topics_file or TOPICS_FILE, topology)
    for source in file.sources:
        if source.format is SourceFormat.REGISTRY and settings.kafka.schema_registry is None:
            raise TopicFileError(
                f"{source.place}: {source.topic} is written with a schema registry, and none is "
                "configured: set PIPELINE_KAFKA__SCHEMA_REGISTRY"
            )
    return file


def record_codec(settings: Settings, file: TopicFile) -> RecordCodec:
    """Reads and writes our records. Raises UnusableSchemas."""
    has_registry = settings.kafka.schema_registry is not None
    return RecordCodec(
        load_schemas(SCHEMAS_DIR),
        file.readings,
        writer_schemas=WriterSchemas() if has_registry else None,
    )


def sealer(settings: Settings) -> Sealer:
    """The keys in the settings, or in a file made at the first start. Raises UnusableKey."""
    newest, older = settings.secrets.key, settings.secrets.older_keys
    if newest is None:
        return key_file(settings).sealer()
    return Sealer(
        key_from_text(newest.get_secret_value(), setting="PIPELINE_SECRETS__KEY"),
        [
            key_from_text(key.get_secret_value(), setting="PIPELINE_SECRETS__OLDER_KEYS")
            for key in older
        ],
    )


def key_file(settings: Settings) -> KeyFile:
    """Where keys lie that are not in the settings; made if it is not there. Raises UnusableKey."""
    return KeyFile(settings.secrets.key_file or settings.data_dir / "secrets.key")


def store_url(settings: Settings) -> str:
    """The store that is set, or an SQLite file in the data folder."""
    if settings.store.url is not None:
        return settings.store.url
    folder = settings.data_dir.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{folder / 'store.sqlite'}"
