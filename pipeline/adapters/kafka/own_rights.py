"""What this client's own user is allowed, as the brokers say it (KIP-430)."""

# pyright: reportPrivateImportUsage=false
# confluent_kafka.admin does not mark the names that it documents as public.

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AclOperation, AdminClient

from pipeline.adapters.kafka.cluster import ClusterFailed
from pipeline.domain.rights import MissingRight, Operation, Resource, Right, is_allowed

librdkafka_log = logging.getLogger("librdkafka")

REQUEST_SECONDS: Final = 10.0
_FORBIDDEN: Final = frozenset(
    {KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED}
)


class OwnRights:
    """Blocks. Raises ClusterFailed where the brokers do not answer.

    What the brokers do not say is taken for allowed: whoever does without will be told.
    """

    def __init__(self, connection: Mapping[str, str | int | bool]) -> None:
        options: dict[str, Any] = {"logger": librdkafka_log, **connection}
        try:
            self._admin: Any = AdminClient(options)
        except KafkaException as exc:
            error: KafkaError = exc.args[0]
            raise ClusterFailed(f"librdkafka does not take an option: {error.str()}") from exc

    def missing(
        self, rights: Sequence[Right], *, topics: Iterable[str], groups: Iterable[str]
    ) -> list[MissingRight]:
        """What these rights allow of these topics and groups, and the brokers do not."""
        found = [
            *self._unallowed(Resource.TOPIC, self._topics(list(topics)), rights),
            *self._unallowed(Resource.GROUP, self._groups(list(groups)), rights),
        ]
        return list(dict.fromkeys(found))

    def _topics(self, names: list[str]) -> Mapping[str, Future[Any]]:
        if not names:
            return {}
        return self._admin.describe_topics(
            TopicCollection(names),
            include_authorized_operations=True,
            request_timeout=REQUEST_SECONDS,
        )

    def _groups(self, names: list[str]) -> Mapping[str, Future[Any]]:
        if not names:
            return {}
        return self._admin.describe_consumer_groups(
            names, include_authorized_operations=True, request_timeout=REQUEST_SECONDS
        )

    def _unallowed(
        self, resource: Resource, futures: Mapping[str, Future[Any]], rights: Sequence[Right]
    ) -> Iterator[MissingRight]:
        for name, future in futures.items():
            wanted = _wanted(resource, name, rights)
            allowed = _allowed(resource, future)
            if allowed is not None:
                yield from (
                    MissingRight(resource, name, one)
                    for one in sorted(wanted)
                    if not is_allowed(one, allowed)
                )


def _wanted(resource: Resource, name: str, rights: Sequence[Right]) -> set[Operation]:
    return {one for one in Operation if any(r.allows(resource, name, one) for r in rights)}


def _allowed(resource: Resource, future: Future[Any]) -> frozenset[str] | None:
    """Kafka's names; None where it is not said."""
    # Not `result()` of one that failed, see `inquiry._Troubles`.
    failure = future.exception(timeout=2 * REQUEST_SECONDS)
    if isinstance(failure, KafkaException):
        error: KafkaError = failure.args[0]
        if error.code() in _FORBIDDEN:
            return frozenset()
        # A group's coordinator may not be there yet: the first one of a cluster is made when asked.
        if error.code() in _AWAY and resource is Resource.TOPIC:
            raise ClusterFailed(f"Kafka does not say what this user is allowed: {error.str()}")
        return None  # it is not there, or these brokers do not tell
    operations: list[AclOperation] | None = future.result().authorized_operations
    if not operations or AclOperation.ALL in operations:
        return None
    return frozenset(_NAMES[one] for one in operations if one in _NAMES)


_NAMES: Final = {AclOperation[one.name]: one.value for one in Operation}
_AWAY: Final = frozenset(
    {
        KafkaError._TIMED_OUT,  # noqa: SLF001 - its public name
        KafkaError._TRANSPORT,  # noqa: SLF001 - its public name
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001 - its public name
    }
)
