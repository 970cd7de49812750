"""The few questions and orders that topics need of a cluster, over confluent-kafka's admin."""

# pyright: reportPrivateImportUsage=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# confluent_kafka.admin does not mark the names that it documents as public, nor say what its
# futures hold.

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Event
from typing import Any, Final, TypeVar

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    OffsetSpec,
    ResourceType,
    TopicMetadata,
)

from pipeline.domain.rights import THE_CLUSTER, MissingRight, Operation, Resource

_log = logging.getLogger("librdkafka")

_PROPAGATION_SECONDS: Final = 60.0
"""The controller answers before all brokers know."""
_POLL_SECONDS: Final = 0.05
_CHUNK: Final = 100
"""The controller makes only so many partitions in one operation."""

_FORBIDDEN: Final = KafkaError.CLUSTER_AUTHORIZATION_FAILED

Settings = Mapping[str, str]
T = TypeVar("T")


class ClusterFailed(Exception):
    """The cluster did not answer in time, or refused; the text says what."""


class BrokerSettingsForbidden(ClusterFailed):
    """This user may not see them."""


@dataclass(frozen=True, slots=True)
class TopicLayout:
    """How a topic is spread over brokers."""

    partitions: int
    replicas: int
    """Of the partition that has the fewest."""
    has_leaders: bool


@dataclass(frozen=True, slots=True)
class ClusterLayout:
    """The brokers and the topics there are."""

    brokers: int
    """All that have a replica of anything, so that one which is down just now counts too."""
    topics: Mapping[str, TopicLayout]


@dataclass(frozen=True, slots=True)
class TopicToCreate:
    """A topic that is to be made."""

    name: str
    partitions: int
    replicas: int
    settings: Settings


class Cluster:
    """Raises ClusterFailed wherever the cluster does not do as it is asked. Blocks; thread-safe."""

    def __init__(
        self, connection: Mapping[str, str | int | bool], *, request_seconds: float = 15.0
    ) -> None:
        self._seconds = request_seconds
        # Without a logger librdkafka writes to the terminal.
        options: dict[str, Any] = {"logger": _log, **connection, "allow.auto.create.topics": False}
        try:
            self._admin = AdminClient(options)
        except KafkaException as exc:
            raise ClusterFailed(f"librdkafka does not take an option: {_text_of(exc)}") from exc

    def layout(self) -> ClusterLayout:
        try:
            metadata = self._admin.list_topics(timeout=self._seconds)
        except KafkaException as exc:
            raise ClusterFailed(f"Kafka does not answer: {_text_of(exc)}") from exc
        brokers = set(metadata.brokers)
        for topic in metadata.topics.values():
            for partition in topic.partitions.values():
                brokers.update(partition.replicas)
        topics = {name: _layout_of(topic) for name, topic in metadata.topics.items()}
        return ClusterLayout(len(brokers), topics)

    def topic_settings(self, names: Sequence[str]) -> dict[str, Settings]:
        """All settings of these topics, defaults included."""
        settings: dict[str, Settings] = {}
        for chunk in _chunks(names):
            resources = [ConfigResource(ResourceType.TOPIC, name) for name in chunk]
            settings |= _told(self._ask_settings(resources))
        return settings

    def broker_settings(self) -> Settings:
        """The settings of one of the brokers. Raises BrokerSettingsForbidden."""
        try:
            brokers = self._admin.list_topics(timeout=self._seconds).brokers
        except KafkaException as exc:
            raise ClusterFailed(f"Kafka does not answer: {_text_of(exc)}") from exc
        broker = str(min(brokers))
        asked = self._ask_settings([ConfigResource(ResourceType.BROKER, broker)])
        for future in asked.values():
            failure = future.exception()
            if isinstance(failure, KafkaException) and _error_of(failure).code() == _FORBIDDEN:
                right = MissingRight(Resource.CLUSTER, THE_CLUSTER, Operation.DESCRIBE_CONFIGS)
                raise BrokerSettingsForbidden(str(right))
        return _told(asked)[broker]

    def create(self, topics: Sequence[TopicToCreate]) -> None:
        """Makes topics, and returns when they can be used.

        Those that somebody else has made meanwhile are left as they are.
        """
        for chunk in _chunks(topics):
            new = [
                NewTopic(
                    topic.name,
                    num_partitions=topic.partitions,
                    replication_factor=topic.replicas,
                    config=dict(topic.settings),
                )
                for topic in chunk
            ]
            futures: dict[str, Future[None]] = self._admin.create_topics(
                new, operation_timeout=self._seconds, request_timeout=2 * self._seconds
            )
            _results(futures, "create", but=KafkaError.TOPIC_ALREADY_EXISTS)
        self.wait_for_leaders([topic.name for topic in topics])

    def delete(self, names: Sequence[str]) -> None:
        """Deletes topics with all that is in them, and returns when the brokers know them no more.

        Those that are gone already are fine.
        """
        for chunk in _chunks(names):
            futures: dict[str, Future[None]] = self._admin.delete_topics(
                list(chunk), operation_timeout=self._seconds, request_timeout=2 * self._seconds
            )
            _results(futures, "delete", but=KafkaError.UNKNOWN_TOPIC_OR_PART)

        def present() -> list[str]:
            found = self.layout().topics
            return [name for name in names if name in found]

        _wait_until_none(present, "{} is still there")

    def wait_for_leaders(self, names: Sequence[str]) -> None:
        """Return when every partition has one that is ready.

        Until it has, a consumer that subscribes is told that there is no such topic. Until it is
        ready, which may be a second later, a producer's first batch may be refused, and lost
        (`delivery_reports.py`).
        """

        def without() -> list[str]:
            found = self.layout().topics
            led = {
                name: found[name].partitions
                for name in names
                if name in found and found[name].has_leaders
            }
            return [name for name in names if name not in led] or self._unready(led)

        _wait_until_none(without, "no leader for {}: is a broker missing?")

    def _unready(self, partitions: Mapping[str, int]) -> list[str]:
        """Those of which a leader does not answer for a partition that it has."""
        asked: dict[TopicPartition, Any] = {
            TopicPartition(name, number): OffsetSpec.latest()
            for name, count in partitions.items()
            for number in range(count)
        }
        if not asked:
            return []
        futures: Mapping[TopicPartition, Future[object]] = self._admin.list_offsets(
            asked, request_timeout=self._seconds
        )
        # `exception()` waits, and raises nothing: see `_results`.
        failed = {one.topic for one, future in futures.items() if future.exception() is not None}
        return sorted(failed)

    def change_settings(self, changes: Mapping[str, Settings]) -> None:
        """Sets these settings of these topics, and no others; returns when brokers say them."""
        for chunk in _chunks(list(changes)):
            resources = [
                ConfigResource(
                    ResourceType.TOPIC,
                    topic,
                    incremental_configs=[_setting(*change) for change in changes[topic].items()],
                )
                for topic in chunk
            ]
            futures: dict[ConfigResource, Future[None]] = self._admin.incremental_alter_configs(
                resources, request_timeout=self._seconds
            )
            _results(_by_name(futures), "change")

        def unchanged() -> list[str]:
            now = self.topic_settings(list(changes))
            return [name for name in changes if not changes[name].items() <= now[name].items()]

        _wait_until_none(unchanged, "the new settings of {} are not in force yet")

    def _ask_settings(
        self, resources: list[ConfigResource]
    ) -> Mapping[ConfigResource, Future[dict[str, ConfigEntry]]]:
        return self._admin.describe_configs(resources, request_timeout=self._seconds)


def _told(asked: Mapping[ConfigResource, Future[dict[str, ConfigEntry]]]) -> dict[str, Settings]:
    return {
        name: {
            setting: str(entry.value)
            for setting, entry in settings.items()
            if entry.value is not None
        }
        for name, settings in _results(_by_name(asked), "read the settings of").items()
    }


def _wait_until_none(left: Callable[[], list[str]], complaint: str) -> None:
    deadline = time.monotonic() + _PROPAGATION_SECONDS
    while names := left():
        if time.monotonic() > deadline:
            raise ClusterFailed(complaint.format(", ".join(names)))
        Event().wait(_POLL_SECONDS)


def _setting(name: str, value: str) -> ConfigEntry:
    return ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)


def _layout_of(topic: TopicMetadata) -> TopicLayout:
    partitions = topic.partitions.values()
    return TopicLayout(
        partitions=len(partitions),
        replicas=min((len(partition.replicas) for partition in partitions), default=0),
        has_leaders=bool(partitions) and all(partition.leader >= 0 for partition in partitions),
    )


def _chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]


def _by_name(futures: Mapping[ConfigResource, Future[T]]) -> dict[str, Future[T]]:
    return {resource.name: future for resource, future in futures.items()}


def _results(
    futures: Mapping[str, Future[T]], deed: str, *, but: int | None = None
) -> dict[str, T]:
    """All results by name. Raises ClusterFailed with everything that went wrong, except `but`."""
    results: dict[str, T] = {}
    failures: list[str] = []
    for name, future in futures.items():
        # `result()` would raise what the future holds, whose traceback then holds the future and
        # our callers: a client that only the collector frees, see `inquiry._Troubles`.
        failure = future.exception()
        if not isinstance(failure, KafkaException):
            results[name] = future.result()
        elif but is None or _error_of(failure).code() != but:
            failures.append(f"cannot {deed} {name}: {_text_of(failure)}")
    if failures:
        raise ClusterFailed("; ".join(failures))
    return results


def _error_of(exc: KafkaException) -> KafkaError:
    error: KafkaError = exc.args[0]
    return error


def _text_of(exc: KafkaException) -> str:
    return _error_of(exc).str()
