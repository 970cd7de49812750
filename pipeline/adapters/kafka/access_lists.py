"""Kafka's access control lists: which of our rights are in them, and putting them in."""

# pyright: reportPrivateImportUsage=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# confluent_kafka.admin does not mark the names that it documents as public, nor say what its
# futures hold.

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Final, NamedTuple

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from pipeline.adapters.kafka.cluster import ClusterFailed
from pipeline.domain.rights import Operation, Resource, Right

librdkafka_log = logging.getLogger("librdkafka")

REQUEST_SECONDS: Final = 15.0
_ANY_HOST: Final = "*"
_TYPES: Final = {
    Resource.TOPIC: ResourceType.TOPIC,
    Resource.GROUP: ResourceType.GROUP,
    Resource.CLUSTER: ResourceType.BROKER,  # librdkafka's name of the cluster
}


class Granted(NamedTuple):
    """One operation that a principal is allowed."""

    principal: str
    right: Right
    operation: Operation


class AccessLists:
    """Blocks. Raises ClusterFailed wherever the cluster does not do as it is asked."""

    def __init__(self, connection: Mapping[str, str | int | bool]) -> None:
        options: dict[str, Any] = {"logger": librdkafka_log, **connection}
        try:
            self._admin: Any = AdminClient(options)
        except KafkaException as exc:
            raise ClusterFailed(f"librdkafka does not take an option: {_text(exc)}") from exc

    def add(self, wanted: Sequence[Granted]) -> tuple[Granted, ...]:
        """Allow these; nothing is taken from anybody. Answers those that were not there before."""
        there = self._present()
        bindings = {_binding(one): one for one in wanted}
        absent = [binding for binding in bindings if binding not in there]
        if absent:
            futures: Mapping[AclBinding, Future[None]] = self._admin.create_acls(
                absent, request_timeout=REQUEST_SECONDS
            )
            for future in futures.values():
                _result(future, "write")
        return tuple(bindings[binding] for binding in absent)

    def _present(self) -> frozenset[AclBinding]:
        future: Future[list[AclBinding]] = self._admin.describe_acls(
            AclBindingFilter(
                ResourceType.ANY,
                None,  # pyright: ignore[reportArgumentType] - None is any name
                ResourcePatternType.ANY,
                None,  # pyright: ignore[reportArgumentType] - any principal
                None,  # pyright: ignore[reportArgumentType] - any host
                AclOperation.ANY,
                AclPermissionType.ANY,
            ),
            request_timeout=REQUEST_SECONDS,
        )
        return frozenset(_result(future, "read"))


def _binding(one: Granted) -> AclBinding:
    right = one.right
    return AclBinding(
        _TYPES[right.resource],
        right.name,
        ResourcePatternType.PREFIXED if right.is_prefix else ResourcePatternType.LITERAL,
        one.principal,
        _ANY_HOST,
        AclOperation[one.operation.name],
        AclPermissionType.ALLOW,
    )


def _result(future: Future[Any], deed: str) -> Any:  # noqa: ANN401 - whatever the future holds
    # Not `result()` of one that failed, see `inquiry._Troubles`.
    failure = future.exception(timeout=2 * REQUEST_SECONDS)
    if not isinstance(failure, KafkaException):
        return future.result()
    error: KafkaError = failure.args[0]
    if error.code() == KafkaError.SECURITY_DISABLED:
        raise ClusterFailed("this cluster has no access control lists: it has no authorizer")
    if error.code() == KafkaError.CLUSTER_AUTHORIZATION_FAILED:
        operation = "Describe" if deed == "read" else "Alter"
        raise ClusterFailed(
            f"cannot {deed} access control lists: this user needs {operation} on the cluster"
        )
    raise ClusterFailed(f"cannot {deed} access control lists: {error.str()}")


def _text(exc: KafkaException) -> str:
    error: KafkaError = exc.args[0]
    return error.str()
