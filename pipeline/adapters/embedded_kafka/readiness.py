"""Waits until a broker that was just started answers clients."""

from __future__ import annotations

import socket
import time
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from pipeline.adapters.embedded_kafka.guarded_process import GuardedProcess
from pipeline.adapters.embedded_kafka.server_properties import Listeners
from pipeline.adapters.embedded_kafka.waiting import Waiting

# A broker that was killed reads its unfinished segments first, which with much data takes minutes,
# not seconds.
_READY_TIMEOUT_SECONDS: Final = 300.0
_CONNECT_PAUSE_SECONDS: Final = 0.02
_REQUEST_SECONDS: Final = 0.25
_SPEAK_AFTER_SECONDS: Final = 10.0


class Ended(Exception):
    """The process ended while it was waited for."""


class Silent(Exception):
    """The process runs but has not answered in time."""


def wait_until_ready(process: GuardedProcess, listeners: Listeners, waiting: Waiting) -> None:
    """Return once the broker has answered a request for metadata with itself in it.

    Raises:
        Ended: there is nothing left to wait for.
        Silent: no answer within five minutes.
    """
    begun = time.monotonic()
    spoken = begun
    client: AdminClient | None = None
    while not process.has_ended_within(_CONNECT_PAUSE_SECONDS):
        # No client before somebody listens: a refused one would wait longer and longer between its
        # tries.
        if client is None and _listens(listeners.port):
            client = AdminClient({"bootstrap.servers": listeners.bootstrap_servers, "log_level": 0})
        if client is not None and _knows_a_broker(client):
            return
        waiting.check()
        now = time.monotonic()
        if now - begun > _READY_TIMEOUT_SECONDS:
            raise Silent
        if now - spoken > _SPEAK_AFTER_SECONDS:
            spoken = now
            waiting.tell(f"the broker is still starting after {now - begun:.0f} s")
    raise Ended


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
    except OSError:
        return False
    return True


def _knows_a_broker(client: AdminClient) -> bool:
    try:
        return bool(client.list_topics(timeout=_REQUEST_SECONDS).brokers)
    except KafkaException:
        return False
