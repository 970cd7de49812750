"""What every producer's own thread does: take the brokers' answers until the producer is fatal."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Producer

from pipeline.ports import SinkFailed

log = logging.getLogger(__name__)

POLL_SECONDS: Final = 0.1
"""How long a thread waits for the next acknowledgement, and so how late it sees that it is over."""

_FEW: Final = 100
"""So many records in POLL_SECONDS are few: each may cost a request of its own to the brokers."""

_NO_TOPIC: Final = (
    ": Kafka does not allow this user Write on any topic: `pipeline acls plan` lists what each "
    "stage needs"
)


def serve(producer: Producer) -> None:
    """Call the callbacks of what was answered; wait for the first at most POLL_SECONDS.

    Raises:
        SinkFailed: nothing more will be produced. librdkafka tells it here and not to `error_cb`.
    """
    _serve(lambda: producer.poll(POLL_SECONDS))


class PromptService:
    """Serves a producer of which few records are asked, or many.

    While they are few, none waits out `linger.ms` for company: librdkafka lets nothing linger
    while it is told to flush. While they are many, they linger, for a request costs the same with
    one record as with fifty.
    """

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self._produced = 0
        self._is_idle = False
        self._wake = threading.Event()
        self._are_few = True
        self._next_count = 0.0

    def note_produced(self) -> None:
        """To be called after each record, by the thread that produces."""
        self._produced += 1
        if self._is_idle:
            self._is_idle = False
            self._wake.set()

    def serve(self) -> None:
        """Call the callbacks of what was answered; return within POLL_SECONDS, for the next call.

        Raises:
            SinkFailed: nothing more will be produced.
        """
        self._count()
        if not self._are_few:
            serve(self._producer)
        elif len(self._producer):
            _serve(lambda: self._producer.flush(POLL_SECONDS))
        else:
            self._wait()
            _serve(lambda: self._producer.poll(0))

    def _count(self) -> None:
        now = time.monotonic()
        if now >= self._next_count:
            self._are_few = self._produced <= _FEW
            self._produced = 0
            self._next_count = now + POLL_SECONDS

    def _wait(self) -> None:
        self._wake.clear()
        self._is_idle = True
        # What was produced before this thread said that it is idle wakes nobody.
        if not len(self._producer):
            self._wake.wait(POLL_SECONDS)
        self._is_idle = False


def _serve(answers: Callable[[], object]) -> None:
    try:
        answers()
    except KafkaException as error:
        text: str = error.args[0].str()
        hint = _NO_TOPIC if "Cluster authorization failed" in text else ""
        raise SinkFailed(f"the producer cannot go on: {text}{hint}") from error


def tell(error: KafkaError) -> None:
    """An `error_cb`: of what librdkafka will mend by itself."""
    log.debug("kafka: %s", error.str())
