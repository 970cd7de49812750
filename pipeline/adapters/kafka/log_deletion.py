"""Logs as the janitor sees them: how far committed, how old, and deleting from them."""

# pyright: reportPrivateImportUsage=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# confluent_kafka.admin does not mark the names that it documents as public, nor say what its
# futures hold.

from __future__ import annotations

from typing import TYPE_CHECKING

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from pipeline.domain.deletion import LogState
from pipeline.flow import Partition
from pipeline.ports import LogsUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

REQUEST_SECONDS = 15.0
LATEST, EARLIEST = -1, -2
"""The times that Kafka's protocol has for a log's end and its first record."""


class KafkaLogs:
    """Implements `DeletableLogs`. Blocks; called in a thread. Raises LogsUnavailable."""

    def __init__(self, connection: Mapping[str, str | int | bool]) -> None:
        self._admin = AdminClient({**connection})

    def states(
        self, partitions: Sequence[Partition], *, group: str, young_since_ms: int | None
    ) -> dict[Partition, LogState]:
        """Of those partitions that exist; `young_since_ms` None: age does not matter."""
        try:
            committed = self._committed(partitions, group)
            first = self._offsets(partitions, OffsetSpec.for_timestamp(EARLIEST))
            end = self._offsets(partitions, OffsetSpec.for_timestamp(LATEST))
            if young_since_ms is None:
                young = end
            else:
                young = self._offsets(partitions, OffsetSpec.for_timestamp(young_since_ms))
        except KafkaException as error:
            raise LogsUnavailable(str(error)) from error
        states: dict[Partition, LogState] = {}
        for partition in partitions:
            if partition in first and partition in end:
                # A negative offset for a time means that no record is as young as that.
                found = young.get(partition, -1)
                first_young = found if found >= 0 else end[partition]
                states[partition] = LogState(
                    first[partition], committed.get(partition), first_young
                )
        return states

    def delete(self, before: Mapping[Partition, int]) -> None:
        """Delete all records below these offsets."""
        asked = [
            TopicPartition(topic, number, offset) for (topic, number), offset in before.items()
        ]
        futures = self._admin.delete_records(asked, request_timeout=REQUEST_SECONDS)
        try:
            for future in futures.values():
                future.result()
        except KafkaException as error:
            raise LogsUnavailable(str(error)) from error

    def _committed(self, partitions: Sequence[Partition], group: str) -> dict[Partition, int]:
        asked = ConsumerGroupTopicPartitions(group, [TopicPartition(*each) for each in partitions])
        answers = self._admin.list_consumer_group_offsets([asked], request_timeout=REQUEST_SECONDS)
        found = answers[group].result().topic_partitions
        return {
            Partition(each.topic, each.partition): each.offset
            for each in found
            if each.error is None and each.offset >= 0
        }

    def _offsets(self, partitions: Sequence[Partition], wanted: OffsetSpec) -> dict[Partition, int]:
        asked = {TopicPartition(*each): wanted for each in partitions}
        futures = self._admin.list_offsets(asked, request_timeout=REQUEST_SECONDS)
        offsets: dict[Partition, int] = {}
        for each, future in futures.items():
            try:
                offsets[Partition(each.topic, each.partition)] = future.result().offset
            except KafkaException:
                continue  # the topic is gone, or has no leader just now: nothing of it is deleted
        return offsets
