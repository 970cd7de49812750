"""What commands need to speak with a pipeline's Kafka: where it is and how its topics are."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final, cast

from pipeline.adapters.kafka.cluster import Cluster
from pipeline.adapters.kafka.codec import RecordCodec
from pipeline.adapters.kafka.inquiry import Inquiry
from pipeline.adapters.kafka.schema_files import load_schemas
from pipeline.adapters.kafka.topic_file import TopicFile
from pipeline.adapters.kafka.topics import Topics
from pipeline.domain.topology import Topology
from pipeline.resources import SCHEMAS_DIR
from pipeline.settings import Settings
from pipeline.wiring.configuration import topic_file
from pipeline.wiring.connection import Connection, connection

STAGES: Final = ("router", "sender", "scheduler", "recorder")
_CLIENT: Final = "pipeline-cli"


@dataclass(frozen=True, slots=True)
class Reach:
    """One pipeline, as a command reaches it."""

    connection: Connection
    topic_file: TopicFile

    @property
    def topology(self) -> Topology:
        return self.topic_file.topology

    def inquiry(self) -> Inquiry:
        """To be asked. Raises KafkaRefused for options that librdkafka does not take."""
        return Inquiry(self.connection)

    def topics(self) -> Topics:
        """Our topics there. Raises KafkaUnreachable or KafkaRefused."""
        self.inquiry().seen()
        return Topics(Cluster(self.connection), self.topic_file)

    def codec(self) -> RecordCodec:
        """Reads and writes our records."""
        return RecordCodec(load_schemas(SCHEMAS_DIR), self.topic_file.readings)

    def group(self, stage: str) -> str:
        """The consumer group of a stage."""
        return f"{self.topology.prefix}{stage}"


def reach(settings: Settings) -> Reach:
    """Nobody is asked yet. Raises NoKafka or TopicFileError."""
    # Every client made of it logs there, none to the terminal.
    logger = {"logger": logging.getLogger("librdkafka")}
    options = {**connection(settings, client=_CLIENT), **logger}
    return Reach(cast("Connection", options), topic_file(settings))
