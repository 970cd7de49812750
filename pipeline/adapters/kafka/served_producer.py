"""What every producer's own thread does: take the brokers' answers until the producer is fatal."""

from __future__ import annotations

import logging
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Producer

from pipeline.ports import SinkFailed

log = logging.getLogger(__name__)

POLL_SECONDS: Final = 0.1
"""How long a thread waits for the next acknowledgement, and so how late it sees that it is over."""


def serve(producer: Producer) -> None:
    """Call the callbacks of what was answered; wait for the first at most POLL_SECONDS.

    Raises:
        SinkFailed: nothing more will be produced. librdkafka tells it here and not to `error_cb`.
    """
    try:
        producer.poll(POLL_SECONDS)
    except KafkaException as error:
        raise SinkFailed(f"the producer cannot go on: {error.args[0].str()}") from error


def tell(error: KafkaError) -> None:
    """An `error_cb`: of what librdkafka will mend by itself."""
    log.debug("kafka: %s", error.str())
