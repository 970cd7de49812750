"""The least rights in Kafka with which each part of the pipeline does all of its work.

This is the only place that says them: commands, documents and the check at a stage's start follow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from pipeline.domain.rights import THE_CLUSTER, Operation, Resource, Right, beginning_with
from pipeline.domain.topology import Topology

NO_GROUP: Final = "webhook-pipeline.unused-"
"""How the names of consumers begin that belong to no group: librdkafka wants a name, and asks for
the coordinator of it."""

READ: Final = frozenset({Operation.READ})
WRITE: Final = frozenset({Operation.WRITE})
CREATE: Final = frozenset({Operation.CREATE})
DELETE: Final = frozenset({Operation.DELETE})
DESCRIBE: Final = frozenset({Operation.DESCRIBE})
COMPARE: Final = frozenset({Operation.DESCRIBE, Operation.DESCRIBE_CONFIGS})


class Part(StrEnum):
    """Who needs rights, each as a user of its own."""

    ROUTER = "router"
    SENDER = "sender"
    SCHEDULER = "scheduler"
    RECORDER = "recorder"
    API = "api"
    ADMINISTRATOR = "administrator"
    """People, with the command line."""
    PRODUCER = "producer"
    """A service of yours that publishes events."""


STAGES: Final = (Part.ROUTER, Part.SENDER, Part.SCHEDULER, Part.RECORDER)


class Names(NamedTuple):
    """What an installation's topics are called."""

    topology: Topology
    sources: tuple[str, ...]
    """Topics that events come from, by their full names."""


def least_rights(part: Part, names: Names) -> tuple[Right, ...]:
    """In the order in which they are used."""
    own = {
        Part.ROUTER: _router,
        Part.SENDER: _sender,
        Part.SCHEDULER: _scheduler,
        Part.RECORDER: _recorder,
        Part.API: _api,
        Part.ADMINISTRATOR: _administrator,
        Part.PRODUCER: _producer,
    }[part](names)
    common = () if part in {Part.ADMINISTRATOR, Part.PRODUCER} else _of_every_process(names)
    of_stage = _of_every_stage(part, names.topology) if part in STAGES else ()
    return (*common, *of_stage, *own)


def _of_every_process(names: Names) -> Iterator[Right]:
    yield _ours(names.topology.prefix, COMPARE, "compares its topics with topics.yaml")
    yield from _topics(_foreign(names), DESCRIBE, "sees that the source is there")
    yield Right(Resource.GROUP, NO_GROUP, DESCRIBE, "reads without a group", is_prefix=True)
    yield _brokers("may be left out: warns of brokers that forget positions soon")


def _of_every_stage(part: Part, at: Topology) -> Iterator[Right]:
    yield Right(Resource.GROUP, f"{at.prefix}{part}", READ, "shares its partitions, commits")
    yield from _topics([at.positions], READ | WRITE, "remembers where partitions began")
    yield from _topics([at.dead_letter], WRITE, "keeps what cannot be handled")


def _router(names: Names) -> Iterator[Right]:
    at = names.topology
    yield from _topics(names.sources, READ, "reads events")
    yield from _topics(at.tables, READ, "knows accounts and endpoints")
    yield from _delivery(at, WRITE, "writes deliveries")


def _sender(names: Names) -> Iterator[Right]:
    at = names.topology
    tables = (at.accounts, at.profiles, at.endpoints)
    yield from _delivery(at, READ, "reads deliveries")
    yield from _topics(tables, READ, "knows accounts and endpoints")
    yield from _topics([at.interventions], READ | WRITE, "tries at once or drops what was asked")
    yield from _topics([at.attempts], READ | WRITE, "writes attempts; reads what a dead one did")
    yield _retries(at, WRITE, "writes what is tried again")


def _scheduler(names: Names) -> Iterator[Right]:
    at = names.topology
    every = READ | WRITE | DELETE
    yield _retries(at, every, "waits, writes on, deletes what is done")
    yield from _delivery(at, every, "writes what is due; its janitor deletes what is done")
    yield from _topics(at.tables, READ, "knows accounts and endpoints")
    yield from _topics([at.interventions], READ | WRITE, "drops what was asked; forgets the old")
    yield from _topics([at.jobs], READ | WRITE, "runs replays and redrives")
    yield from _topics([*names.sources, at.dead_letter], READ, "replays events, redrives letters")
    yield from _topics([at.attempts], READ, "leaves out what was delivered already")
    yield Right(Resource.GROUP, f"{at.prefix}{Part.SENDER}", DESCRIBE, "knows what may be deleted")


def _recorder(names: Names) -> Iterator[Right]:
    at = names.topology
    yield from _topics([at.attempts, at.dead_letter], READ, "reads what it records")
    yield from _topics([at.accounts, at.endpoints], READ, "knows accounts and endpoints")
    yield from _outbox(at, "deactivates endpoints, and publishes what waits in the outbox")


def _api(names: Names) -> Iterator[Right]:
    at = names.topology
    yield from _outbox(at, "publishes changes and events")
    yield from _topics([*at.tables, at.jobs], READ, "knows accounts, endpoints and jobs")
    yield from _topics([at.interventions], READ | WRITE, "has deliveries tried at once or dropped")
    yield from _delivery(at, READ | WRITE, "shows and triggers deliveries")
    yield _retries(at, READ, "shows what waits")
    yield from _topics([at.dead_letter], READ, "shows what died untried")
    yield from _groups(at, "shows how far the stages are")


def _administrator(names: Names) -> Iterator[Right]:
    at = names.topology
    every = frozenset(Operation)
    yield _ours(at.prefix, every, "makes, compares, repairs, prunes topics; publishes, reads")
    yield from _topics(_foreign(names), READ, "tries out what a source's records become")
    yield from _groups(at, "shows how far the stages are")
    yield Right(Resource.GROUP, NO_GROUP, DESCRIBE, "reads without a group", is_prefix=True)
    yield _brokers("checks the brokers' settings (doctor)")


def _producer(names: Names) -> Iterator[Right]:
    yield from _topics([names.topology.events], WRITE, "publishes events")


def _outbox(at: Topology, why: str) -> Iterator[Right]:
    yield from _topics([*at.tables, at.events, at.jobs], WRITE, why)
    name, is_prefix = beginning_with(at.own_deliveries)
    yield Right(Resource.TOPIC, name, CREATE, "makes the topic of a new endpoint", is_prefix)


def _delivery(at: Topology, operations: frozenset[Operation], why: str) -> Iterator[Right]:
    yield Right(Resource.TOPIC, at.own_deliveries, operations, why, is_prefix=True)
    yield Right(Resource.TOPIC, at.shared_delivery, operations, why)


def _retries(at: Topology, operations: frozenset[Operation], why: str) -> Right:
    return Right(Resource.TOPIC, at.tiers, operations, why, is_prefix=True)


def _groups(at: Topology, why: str) -> Iterator[Right]:
    for stage in STAGES:
        yield Right(Resource.GROUP, f"{at.prefix}{stage}", DESCRIBE, why)


def _brokers(why: str) -> Right:
    return Right(Resource.CLUSTER, THE_CLUSTER, frozenset({Operation.DESCRIBE_CONFIGS}), why)


def _ours(prefix: str, operations: frozenset[Operation], why: str) -> Right:
    name, is_prefix = beginning_with(prefix)
    return Right(Resource.TOPIC, name, operations, why, is_prefix)


def _topics(topics: Iterable[str], operations: frozenset[Operation], why: str) -> Iterator[Right]:
    return (Right(Resource.TOPIC, topic, operations, why) for topic in topics)


def _foreign(names: Names) -> Sequence[str]:
    """Sources that are not under our prefix."""
    return [one for one in names.sources if not one.startswith(names.topology.prefix)]
