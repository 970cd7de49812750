"""Whether a process may do in Kafka what it will want to do, asked before it begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.adapters.kafka.own_rights import OwnRights
from pipeline.domain.least_rights import Names, Part, least_rights
from pipeline.domain.rights import Resource

if TYPE_CHECKING:
    from pipeline.adapters.kafka.topic_file import TopicFile
    from pipeline.wiring.connection import Connection


class RightsMissing(Exception):
    """Kafka does not allow this user what its stage has to do; the text names each right."""


def names_of(file: TopicFile) -> Names:
    """What an installation's topics are called."""
    return Names(file.topology, tuple(source.topic for source in file.sources))


def check_rights(part: Part, connection: Connection, file: TopicFile) -> None:
    """Return where all is allowed, or brokers do not say.

    Topics that are not there are not asked for, nor those of single endpoints.

    Raises:
        RightsMissing: something is not.
        ClusterFailed: Kafka does not answer.
    """
    rights = least_rights(part, names_of(file))
    groups = {right.name for right in rights if right.resource is Resource.GROUP}
    missing = OwnRights(connection).missing(
        rights,
        topics=dict.fromkeys((*file.topics, *(source.topic for source in file.sources))),
        groups=sorted(groups),
    )
    if missing:
        raise RightsMissing("; ".join(map(str, missing)))
