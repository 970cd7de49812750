"""What every producer's own thread does: take the brokers' answers until the producer is fatal."""

from __future__ import annotations

import logging
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Producer

from pipeline.ports import SinkFailed

log = logging.getLogger(__name__)

POLL_SECONDS: Final = 0.1
"""How long a thread waits for the next acknowledgement, and so how late it sees that it is over."""

_NO_TOPIC: Final = (
    ": Kafka does not allow this user Write on any topic: `pipeline acls plan` lists what each "
    "stage needs"
)


def serve(producer: Producer) -> None:
    """Call the callbacks of what was answered; wait for the first at most POLL_SECONDS.

    Raises:
        SinkFailed: nothing more will be produced. librdkafka tells it here and not to `error_cb`.
    """
    try:
        producer.poll(POLL_SECONDS)
    except KafkaException as error:
        text: str = error.args[0].str()
        hint = _NO_TOPIC if "Cluster authorization failed" in text else ""
        raise SinkFailed(f"the producer cannot go on: {text}{hint}") from error


def tell(error: KafkaError) -> None:
    """An `error_cb`: of what librdkafka will mend by itself."""
    log.debug("kafka: %s", error.str())
