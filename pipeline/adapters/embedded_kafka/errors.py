"""What can go wrong with the embedded broker. Each message says what is wrong and what to do.

EmbeddedKafkaError
|-- JarsUnavailable       the jars are not in the cache and cannot be fetched
|-- JavaUnavailable       no Java that is new enough
|-- DataFolderInUse       another process runs a broker on this data folder
|-- DataFolderUnusable    the data folder was made by another version, or its record is damaged
|-- PortInUse             the configured port belongs to somebody else
|-- BrokerDied            the broker ended while it was starting
|-- BrokerNotReady        the broker did not answer in time
`-- StartCancelled        `stop()` was called while `start()` was under way
"""

from typing import Final

OWN_KAFKA: Final = "set PIPELINE_KAFKA__BOOTSTRAP_SERVERS to use a Kafka of your own"


class EmbeddedKafkaError(Exception):
    """The embedded broker cannot do what was asked; the message says why and what helps."""


class JarsUnavailable(EmbeddedKafkaError):
    """The broker's jars are not in the cache and cannot be fetched."""


class JavaUnavailable(EmbeddedKafkaError):
    """No Java that is new enough was found."""


class DataFolderInUse(EmbeddedKafkaError):
    """Another process runs, or is still stopping, a broker on this data folder."""


class DataFolderUnusable(EmbeddedKafkaError):
    """The data folder was made by another version of Kafka, or its record is damaged."""


class PortInUse(EmbeddedKafkaError):
    """The port that the broker must have is taken."""


class BrokerDied(EmbeddedKafkaError):
    """The broker ended while it was starting; the message quotes its log."""


class BrokerNotReady(EmbeddedKafkaError):
    """The broker runs but did not answer in time; the message quotes its log."""


class StartCancelled(EmbeddedKafkaError):
    """`stop()` was called while `start()` was under way."""
