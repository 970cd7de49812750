"""What a Kafka user may be allowed: words of Kafka's access control lists, and how we say them."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple


class Resource(StrEnum):
    """What a right is about."""

    TOPIC = "topic"
    GROUP = "group"
    CLUSTER = "cluster"


class Operation(StrEnum):
    """What may be done with it, in Kafka's names."""

    READ = "Read"
    WRITE = "Write"
    CREATE = "Create"
    DELETE = "Delete"
    DESCRIBE = "Describe"
    DESCRIBE_CONFIGS = "DescribeConfigs"
    ALTER_CONFIGS = "AlterConfigs"


_IMPLYING: Final = {
    Operation.DESCRIBE: {Operation.READ, Operation.WRITE, Operation.DELETE},
    Operation.DESCRIBE_CONFIGS: {Operation.ALTER_CONFIGS},
}
"""Kafka gives the first with any of the others."""

THE_CLUSTER: Final = "kafka-cluster"
"""Kafka's name of the only resource of its kind."""
ANY_NAME: Final = "*"


class Right(NamedTuple):
    """One line of an access control list, without its principal."""

    resource: Resource
    name: str
    """Whole, or how names begin; `*` as a whole name is every name."""
    operations: frozenset[Operation]
    why: str
    is_prefix: bool = False

    @property
    def pattern(self) -> str:
        """Kafka's name of how `name` is matched."""
        return "prefixed" if self.is_prefix else "literal"

    def allows(self, resource: Resource, name: str, operation: Operation) -> bool:
        """Whether this line says so itself."""
        return resource is self.resource and operation in self.operations and self._matches(name)

    def _matches(self, name: str) -> bool:
        if self.is_prefix:
            return name.startswith(self.name)
        return self.name in {name, ANY_NAME}


class MissingRight(NamedTuple):
    """What is needed and not allowed."""

    resource: Resource
    name: str
    operation: Operation

    def __str__(self) -> str:
        return (
            f"Kafka does not allow this user {self.operation} on the {self.resource} {self.name}: "
            "`pipeline acls plan` lists what each stage needs"
        )


def beginning_with(prefix: str) -> tuple[str, bool]:
    """A right's name and whether it is a prefix, for all names that begin so."""
    return (prefix, True) if prefix else (ANY_NAME, False)


def is_allowed(operation: Operation, allowed: frozenset[str]) -> bool:
    """Whether it is among these, Kafka's names, or comes with one of them."""
    return operation in allowed or any(one in allowed for one in _IMPLYING.get(operation, ()))
