"""How this process reaches Kafka and names its topics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.adapters.embedded_kafka.data_folder import running_broker

if TYPE_CHECKING:
    from pipeline.settings import Settings

Connection = dict[str, str | int | bool]


class NoKafka(Exception):
    """No cluster is configured and no embedded broker runs here."""


def connection(settings: Settings, *, client: str) -> Connection:
    """librdkafka's options for any client. Raises NoKafka."""
    servers = settings.kafka.bootstrap_servers
    if servers is None:
        broker = running_broker(settings.data_dir)
        if broker is None:
            raise NoKafka(
                "no Kafka: set PIPELINE_KAFKA__BOOTSTRAP_SERVERS, or start the embedded broker "
                f"with `pipeline up` (data folder {settings.data_dir}, setting PIPELINE_DATA_DIR)"
            )
        servers = broker.bootstrap_servers
    return {"bootstrap.servers": servers, "client.id": client, **settings.kafka.options}
