"""Logs as the janitor sees them: how far committed, how old, and deleting from them."""

from __future__ import annotations

import logging
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from pipeline.adapters.kafka.inquiry import Inquiry, KafkaRefused, KafkaUnreachable
from pipeline.domain.deletion import LogState
from pipeline.domain.rights import MissingRight, Operation, Resource
from pipeline.ports import LogsUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.flow import Partition

REQUEST_SECONDS = 15.0

librdkafka_log = logging.getLogger("librdkafka")


class KafkaLogs:
    """Implements `DeletableLogs`. Blocks; called in a thread. Raises LogsUnavailable."""

    def __init__(self, connection: Mapping[str, str | int | bool]) -> None:
        self._inquiry = Inquiry(connection)
        # Without a logger librdkafka writes to the terminal.
        options: dict[str, Any] = {"logger": librdkafka_log, **connection}
        self._admin: Any = AdminClient(options)  # it does not say what its futures hold

    def states(
        self, partitions: Sequence[Partition], *, group: str, young_since_ms: int | None
    ) -> dict[Partition, LogState]:
        """Of those partitions that exist; `young_since_ms` None: age does not matter."""
        ask = self._inquiry
        try:
            counts = ask.topics()
            there = [each for each in partitions if each.number < counts.get(each.topic, 0)]
            committed = ask.committed(group, there)
            bounds = ask.bounds(there)
            young = (
                {partition: found.end for partition, found in bounds.items()}
                if young_since_ms is None
                else ask.offsets_at(there, young_since_ms)
            )
        except (KafkaRefused, KafkaUnreachable) as error:
            raise LogsUnavailable(str(error)) from error
        return {
            partition: LogState(
                bounds[partition].first, committed.get(partition), young.get(partition)
            )
            for partition in there
        }

    def delete(self, before: Mapping[Partition, int]) -> None:
        """Delete all records below these offsets."""
        self._learn_leaders()
        asked = [TopicPartition(*partition, offset) for partition, offset in before.items()]
        futures: Mapping[TopicPartition, Future[object]] = self._admin.delete_records(
            asked, request_timeout=REQUEST_SECONDS
        )
        for at, future in futures.items():
            # Not `result()`: what it raises would keep this client alive, see `_Troubles`.
            failure = future.exception()
            if isinstance(failure, KafkaException):
                raise LogsUnavailable(_why_not_deleted(failure.args[0], at.topic))

    def _learn_leaders(self) -> None:
        """librdkafka asks the leaders that it knew last, and what they answer teaches it nothing.

        So after a broker's restart nothing would be deleted for up to a quarter of an hour (seen).
        """
        try:
            self._admin.list_topics(timeout=REQUEST_SECONDS)
        except KafkaException as error:
            raise LogsUnavailable(f"the brokers: {error.args[0].str()}") from error


def _why_not_deleted(error: KafkaError, topic: str) -> str:
    if error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
        return str(MissingRight(Resource.TOPIC, topic, Operation.DELETE))
    return f"{topic}: {error.str()}"
