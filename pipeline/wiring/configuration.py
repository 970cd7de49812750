"""What the settings name: topics.yaml, profiles, the sealing key, the store's URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.adapters.kafka.topic_file import TopicFile, read_topic_file
from pipeline.adapters.sealing import KeyFile, Sealer, key_from_text
from pipeline.domain.topology import Topology
from pipeline.resources import TOPICS_FILE

if TYPE_CHECKING:
    from pipeline.settings import Settings


def topic_file(settings: Settings) -> TopicFile:
    """Raises TopicFileError."""
    topology = Topology(settings.kafka.topic_prefix)
    return read_topic_file(settings.kafka.topics_file or TOPICS_FILE, topology)


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
