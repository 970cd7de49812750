"""What an export file says, written into the store and told to the tables, some at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pipeline.domain.audit import Author
from pipeline.domain.endpoint import Account, Endpoint, EndpointStatus
from pipeline.domain.endpoint_topics import TopicChooser
from pipeline.domain.relation import Relation
from pipeline.moving import MovedEndpoint, MovedEntry
from pipeline.operating import Operator
from pipeline.registry import ApiKey, EventType, RegistryReader, RegistryWriter, StoredProfile
from pipeline.wiring.import_check import Existing, Standing, Tallied, Target, compare

if TYPE_CHECKING:
    from pipeline.wiring.endpoint_changes import ChangeContext

_AUTHOR: Final = Author("import", "command")


class Differs(Exception):
    """What is in the file is here already, and differently; it was left as it is here.

    `lines` say what, and in which fields.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = tuple(lines)


def target_in(reader: RegistryReader, context: ChangeContext) -> Target:
    """What a file is compared with, as a transaction sees it."""
    return Target(
        reader=reader,
        operators=context.store.operators,
        topology=context.topic_file.topology,
        sealer=context.sealer,
        profiles=context.profiles.keys(),
    )


def chooser_in(reader: RegistryReader, context: ChangeContext) -> TopicChooser:
    """Who gives new endpoints their topics."""
    topology = context.topic_file.topology
    count = reader.count_own_topics(topology.shared_delivery)
    return TopicChooser.counted(topology, context.topic_file.dedicated_limit, count=count)


def topic_of(moved: MovedEndpoint, context: ChangeContext, chooser: TopicChooser) -> str:
    """Which topic it gets here. Raises NoOwnTopic."""
    topology, endpoint = context.topic_file.topology, moved.endpoint
    if not moved.has_own_topic:
        return topology.shared_delivery
    if endpoint.status is EndpointStatus.REMOVED:
        return topology.delivery(endpoint.id)
    return chooser.choose(endpoint.id, endpoint.order)


def keep(some: Sequence[MovedEntry], context: ChangeContext, existing: Existing) -> list[str]:
    """In one transaction, but for operators. Answers which endpoints share a topic only here.

    Raises:
        Differs: something was changed here meanwhile, and is to be neither kept nor replaced.
        StoreFailed: nothing of these was written.
    """
    people: list[Operator] = []
    sharing: list[str] = []
    with context.store.registry.writing(_AUTHOR) as writer:
        _lock(some, writer)
        target, chooser = target_in(writer, context), chooser_in(writer, context)
        for entry in some:
            if not _is_wanted(entry, target, existing):
                continue
            if isinstance(entry, Operator):
                people.append(entry)
            elif isinstance(entry, MovedEndpoint):
                sharing += _put_endpoint(entry, writer, (context, chooser))
            else:
                _put(entry, writer, context)
    for person in people:
        context.store.operators.put_operator(person, _AUTHOR)
    return sharing


def _is_wanted(entry: MovedEntry, target: Target, existing: Existing) -> bool:
    standing, differing = compare(entry, target)
    if standing is Standing.OTHER and existing is Existing.REFUSE:
        met = Tallied()
        met.add(entry, standing, differing)
        raise Differs(met.differing)
    return standing is Standing.NEW or (standing is Standing.OTHER and existing is Existing.REPLACE)


def _put(
    entry: Account | Relation | StoredProfile | ApiKey | EventType,
    writer: RegistryWriter,
    context: ChangeContext,
) -> None:
    records = context.sides.records
    match entry:
        case Account():
            writer.put_account(entry)
            writer.publish(records.of_account(entry))
        case Relation():
            writer.put_relation(entry)
            writer.publish(records.of_relation(entry))
        case StoredProfile():
            writer.put_profile(entry)
            writer.publish(records.of_profile(entry))
        case ApiKey():
            writer.put_key(entry)
        case EventType():
            writer.put_event_type(entry)


def _put_endpoint(
    moved: MovedEndpoint, writer: RegistryWriter, at: tuple[ChangeContext, TopicChooser]
) -> list[str]:
    context, chooser = at
    endpoint = _resealed(moved.endpoint, context)
    here = writer.endpoint(endpoint.id)
    if here is None:
        placed = replace(endpoint, topic=topic_of(moved, context, chooser))
    else:
        places = {"topic": here.topic, "moved_from": here.moved_from}
        placed = replace(endpoint, moved_at_ms=here.moved_at_ms, **places)
    is_own = chooser.is_own(placed)
    needs_topic = is_own and placed.status is not EndpointStatus.REMOVED
    writer.put_endpoint(placed)
    writer.publish(context.sides.records.of_endpoint(placed, needs_topic=needs_topic))
    return [placed.id] if moved.has_own_topic and not is_own else []


def _resealed(endpoint: Endpoint, context: ChangeContext) -> Endpoint:
    """With the key that seals here."""
    sealer, sealed = context.sealer, endpoint.sealed
    if sealed is None or sealer.is_newest(sealed):
        return endpoint
    record_key = endpoint.id.encode()
    content = sealer.open(sealed, record_key=record_key)
    return replace(endpoint, sealed=sealer.seal(content, record_key=record_key))


def _lock(some: Iterable[MovedEntry], writer: RegistryWriter) -> None:
    accounts, profiles = set[str](), set[str]()
    for entry in some:
        match entry:
            case Account():
                accounts.add(entry.id)
                profiles.add(entry.profile)
            case MovedEndpoint():
                accounts.add(entry.endpoint.account)
                profiles.add(entry.endpoint.profile)
            case Relation() | ApiKey():
                accounts |= {entry.account} if entry.account else set()
            case StoredProfile():
                profiles.add(entry.name)
            case _:
                pass
    for account in sorted(accounts):
        writer.lock_account(account)
    for profile in sorted(profiles):
        writer.lock_profile(profile)
    writer.lock_topics()
