"""Which principal gets which rights, for the parts of an installation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.adapters.kafka.access_lists import AccessLists, Granted
from pipeline.adapters.kafka.topic_file import TopicFile
from pipeline.domain.least_rights import Part, least_rights
from pipeline.domain.rights import Right
from pipeline.wiring.reach import Reach
from pipeline.wiring.stage_rights import names_of


@dataclass(frozen=True, slots=True)
class Grant:
    """One line of the list: a right of a principal, and for which part."""

    part: Part
    principal: str
    right: Right


def grants(principals: Mapping[Part, str], file: TopicFile) -> tuple[Grant, ...]:
    """The least rights of each of these parts."""
    names = names_of(file)
    return tuple(
        Grant(part, principal, right)
        for part, principal in principals.items()
        for right in least_rights(part, names)
    )


def put_in_force(at: Reach, wanted: Sequence[Grant]) -> int:
    """Allow all of it; answers how many single operations were not allowed before.

    Raises ClusterFailed: some may be allowed, and some not.
    """
    single = [
        Granted(one.principal, one.right, operation)
        for one in wanted
        for operation in sorted(one.right.operations)
    ]
    return len(AccessLists(at.connection).add(single))


def default_principal(part: Part, file: TopicFile) -> str:
    """The user that a part has if none is named: `webhooks-router`."""
    return f"User:{file.topology.prefix.rstrip('._-') or 'webhooks'}-{part}"
