"""Questions to the brokers, each with an end: who answers, and how far groups have read."""

# pyright: reportPrivateImportUsage=false
# confluent_kafka.admin does not mark the names that it documents as public.

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from time import monotonic
from typing import Any, Final, NamedTuple, TypeVar

from confluent_kafka import (
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import (
    AdminClient,
    ConsumerGroupDescription,
    DescribeClusterResult,
    ListOffsetsResultInfo,
    OffsetSpec,
    TopicDescription,
)

from pipeline.adapters.kafka.connection_trouble import explained, refused_option
from pipeline.flow import Partition

librdkafka_log = logging.getLogger("librdkafka")

REQUEST_SECONDS: Final = 10.0
DOWN_SECONDS: Final = 2.0
"""Where no address takes a connection, it is not waited for longer."""
_SERVE_SECONDS: Final = 0.05
_NO_TOPIC: Final = KafkaError.UNKNOWN_TOPIC_OR_PART
_STOPWATCH: Final = re.compile(r" \(after \d+ms in state .*")

T = TypeVar("T")


class KafkaUnreachable(Exception):
    """No broker answered in time; the text says which and why."""


class KafkaRefused(Exception):
    """The brokers answered, and it was no."""


class ClusterSeen(NamedTuple):
    """A cluster that answers."""

    cluster_id: str
    brokers: tuple[str, ...]
    """`host:port` of each."""


class Bounds(NamedTuple):
    """What can be read of a partition: from `first` up to, not including, `end`."""

    first: int
    end: int


class Inquiry:
    """Answers of now, nothing is kept. Every method raises KafkaUnreachable or KafkaRefused."""

    def __init__(
        self,
        connection: Mapping[str, str | int | bool],
        *,
        wait_seconds: float = REQUEST_SECONDS,
        logger: logging.Logger = librdkafka_log,
    ) -> None:
        self._servers = str(connection.get("bootstrap.servers", ""))
        self._wait_seconds = wait_seconds
        self._troubles = _Troubles()
        self._has_answered = False
        self._connection: dict[str, Any] = {
            **connection,
            "error_cb": self._troubles.on_error,
            "logger": logger,
        }
        try:
            self._admin: Any = AdminClient(
                self._connection
            )  # it does not say what its futures hold
        except KafkaException as exc:
            text = refused_option(_text(exc))
            raise KafkaRefused(f"librdkafka does not take these options: {text}") from exc

    def seen(self) -> ClusterSeen:
        """Who answers."""
        future: Future[DescribeClusterResult] = self._admin.describe_cluster(
            request_timeout=self._wait_seconds
        )
        described = self._answer(future)
        brokers = tuple(f"{node.host}:{node.port}" for node in described.nodes)
        return ClusterSeen(str(described.cluster_id), brokers)

    def topics(self) -> dict[str, int]:
        """How many partitions each topic has."""
        if not self._has_answered:
            self.seen()  # it is sooner to tell that nobody is there
        metadata = self._ask(lambda: self._admin.list_topics(timeout=self._wait_seconds))
        return {name: len(topic.partitions) for name, topic in metadata.topics.items()}

    def topic_ids(self, topics: Iterable[str]) -> dict[str, str]:
        """Kafka's ids of those topics that exist."""
        wanted = list(topics)
        if not wanted:
            return {}
        futures: Mapping[str, Future[TopicDescription]] = self._ask(
            lambda: self._admin.describe_topics(
                TopicCollection(wanted), request_timeout=self._wait_seconds
            )
        )
        return {
            name: str(self._answer(future).topic_id)
            for name, future in futures.items()
            if self._has_topic(future)
        }

    def _has_topic(self, future: Future[TopicDescription]) -> bool:
        try:
            self._answer(future)
        except KafkaRefused:
            failure = future.exception()
            if isinstance(failure, KafkaException) and failure.args[0].code() == _NO_TOPIC:
                return False
            raise
        return True

    def committed(self, group: str, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """What a group has committed of these; one without an offset is not in the answer."""
        return {each: offset for each, (offset, _) in self.notes(group, partitions).items()}

    def notes(
        self, group: str, partitions: Sequence[Partition]
    ) -> dict[Partition, tuple[int, str]]:
        """The same, with what the group has written beside each offset."""
        if not partitions:
            return {}
        # Not the admin client's question: librdkafka 2.16 crashes when a coordinator has moved.
        consumer = Consumer({**self._connection, "group.id": group, "enable.auto.commit": False})
        asked = [TopicPartition(*partition) for partition in partitions]
        try:
            answers = self._ask(lambda: consumer.committed(asked, self._wait_seconds))
        finally:
            consumer.close()
        for answer in answers:
            if answer.error is not None:
                raise KafkaRefused(f"the offsets of {group} are not told: {answer.error.str()}")
        return {
            Partition(answer.topic, answer.partition): (answer.offset, answer.metadata or "")
            for answer in answers
            if answer.offset >= 0
        }

    def assigned(self, group: str) -> frozenset[Partition]:
        """What the running members of a group have between them."""
        futures: Mapping[str, Future[ConsumerGroupDescription]] = self._ask(
            lambda: self._admin.describe_consumer_groups(
                [group], request_timeout=self._wait_seconds
            )
        )
        try:
            members = self._answer(futures[group]).members
        except KafkaRefused:
            return frozenset()  # there is no such group, so nobody is in it
        return frozenset(
            Partition(offset.topic, offset.partition)
            for member in members
            for offset in member.assignment.topic_partitions
        )

    def bounds(self, partitions: Sequence[Partition]) -> dict[Partition, Bounds]:
        """First offset and end of each, of what is committed of transactions."""
        first = self._offsets(partitions, OffsetSpec.earliest())
        end = self._offsets(partitions, OffsetSpec.latest())
        return {partition: Bounds(first[partition], end[partition]) for partition in partitions}

    def offsets_at(self, partitions: Sequence[Partition], time_ms: int) -> dict[Partition, int]:
        """The first record of each that was appended then or later; its end if there is none."""
        found = self._offsets(partitions, OffsetSpec.for_timestamp(time_ms))
        missing = [partition for partition, offset in found.items() if offset < 0]
        return {**found, **self._offsets(missing, OffsetSpec.latest())}

    def last_epochs(self, partitions: Sequence[Partition]) -> dict[Partition, int | None]:
        """The epoch of the leader that wrote the end of each, or may write there."""
        found = self._list(partitions, OffsetSpec.latest())
        return {partition: each.leader_epoch for partition, each in found.items()}

    def _offsets(self, partitions: Sequence[Partition], wanted: object) -> dict[Partition, int]:
        return {each: found.offset for each, found in self._list(partitions, wanted).items()}

    def _list(
        self, partitions: Sequence[Partition], wanted: object
    ) -> dict[Partition, ListOffsetsResultInfo]:
        if not partitions:
            return {}
        futures: Mapping[TopicPartition, Future[ListOffsetsResultInfo]] = self._ask(
            lambda: self._admin.list_offsets(
                {TopicPartition(*partition): wanted for partition in partitions},
                isolation_level=IsolationLevel.READ_COMMITTED,
                request_timeout=self._wait_seconds,
            )
        )
        return {
            Partition(asked.topic, asked.partition): self._answer(future)
            for asked, future in futures.items()
        }

    def _answer(self, future: Future[T]) -> T:
        give_up_at = monotonic() + DOWN_SECONDS
        while not future.done():
            self._admin.poll(_SERVE_SECONDS)
            if self._troubles.is_down and not self._has_answered and monotonic() >= give_up_at:
                raise KafkaUnreachable(self._why_unreachable())
        failure = future.exception()
        if isinstance(failure, KafkaException):
            # Raised itself, it would hold on to us by its traceback, see `_Troubles`.
            raise self._told(failure)
        self._has_answered = True
        return future.result()

    def _ask(self, question: Callable[[], T]) -> T:
        try:
            return question()
        except KafkaException as exc:
            raise self._told(exc) from exc

    def _told(self, failure: KafkaException) -> KafkaUnreachable | KafkaRefused:
        error: KafkaError = failure.args[0]
        self._admin.poll(_SERVE_SECONDS)  # learns why
        if error.code() in _NO_ANSWER:
            return KafkaUnreachable(self._why_unreachable())
        return KafkaRefused(f"Kafka at {self._servers} refuses: {error.str()}")

    def _why_unreachable(self) -> str:
        reason = explained(self._troubles.last, self._connection)
        why = f": {reason}" if reason else f" in {self._wait_seconds:g} s"
        return f"Kafka at {self._servers} does not answer{why}"


class _Troubles:
    """What a client has said of its connections.

    It knows nothing of the client: one that only the garbage collector can free may be freed on a
    thread of librdkafka's own, which ends the process (seen: an assertion in rd_kafka_destroy).
    """

    def __init__(self) -> None:
        self.last: str | None = None
        self.is_down = False

    def on_error(self, error: KafkaError) -> None:
        self.is_down = self.is_down or error.code() in _NOBODY_THERE
        if error.code() != KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001 - its public name
            self.last = _reason(error.str())


def _reason(error: str) -> str:
    """librdkafka's text without its names of connections and its stopwatch."""
    _, _, reason = error.partition("/bootstrap: ")
    return _STOPWATCH.sub("", reason or error)


def _text(exc: KafkaException) -> str:
    error: KafkaError = exc.args[0]
    return error.str()


_NOBODY_THERE: Final = frozenset(
    {
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001 - its public name
        KafkaError._RESOLVE,  # noqa: SLF001 - its public name
    }
)
_NO_ANSWER: Final = frozenset(
    {
        KafkaError._TIMED_OUT,  # noqa: SLF001 - its public name
        KafkaError._TRANSPORT,  # noqa: SLF001 - its public name
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001 - its public name
        KafkaError._RESOLVE,  # noqa: SLF001 - its public name
        KafkaError._WAIT_COORD,  # noqa: SLF001 - its public name
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
    }
)
