"""The least rights as people and Kafka's own tool read them."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator

from rich.table import Table

from pipeline.cli.terminal import table
from pipeline.domain.rights import THE_CLUSTER, Operation, Resource, Right
from pipeline.wiring.granting import Grant


def grid(wanted: Iterable[Grant]) -> Table:
    """A line for each."""
    columns = table(("for", "principal", "resource", "name", "operations", "why"))
    for one in wanted:
        right = one.right
        columns.add_row(
            one.part,
            one.principal,
            right.resource,
            f"{right.name}*" if right.is_prefix else right.name,
            ", ".join(operations_of(right)),
            right.why,
        )
    return columns


def shown(one: Grant) -> dict[str, object]:
    """For programs."""
    right = one.right
    return {
        "part": one.part,
        "principal": one.principal,
        "resource": right.resource,
        "name": right.name,
        "pattern": right.pattern,
        "operations": operations_of(right),
        "why": right.why,
    }


def commands(wanted: Iterable[Grant], *, servers: str) -> Iterator[str]:
    """What Kafka's own `kafka-acls.sh` is to be called with."""
    for one in wanted:
        words = ["kafka-acls.sh", "--bootstrap-server", servers]
        words += ["--command-config", "admin.properties", "--add"]
        words += ["--allow-principal", one.principal, *_resource(one.right)]
        for operation in operations_of(one.right):
            words += ["--operation", operation]
        yield shlex.join(words)


def operations_of(right: Right) -> list[str]:
    """In the order of our words, each by Kafka's name."""
    return [one.value for one in Operation if one in right.operations]


def _resource(right: Right) -> list[str]:
    if right.resource is Resource.CLUSTER and right.name == THE_CLUSTER:
        return ["--cluster"]
    pattern = ["--resource-pattern-type", right.pattern]
    return [f"--{right.resource}", right.name, *pattern]
