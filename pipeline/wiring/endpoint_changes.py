"""Accounts and endpoints out of a file, compared with the store, kept there and published.

Nothing is applied half: the whole file is checked and every change decided, all of it is kept in
one transaction, and what an interruption leaves unpublished is published by whoever has a turn.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pipeline.adapters.kafka.cluster import Cluster, ClusterFailed
from pipeline.adapters.kafka.codec import RecordCodec
from pipeline.adapters.kafka.schema_files import load_schemas
from pipeline.adapters.kafka.topics import Topics
from pipeline.adapters.profile_files import read_profile_files
from pipeline.adapters.sealing import Sealer
from pipeline.clock import now_ms
from pipeline.domain.account_document import AccountRules, DocumentErrors, read_accounts
from pipeline.domain.account_planning import plan_changes
from pipeline.domain.addresses import REFUSED_TARGET, AddressRules, literal_refusal, parse_rules
from pipeline.domain.audit import Author
from pipeline.domain.change_plan import PlanRules
from pipeline.domain.endpoint_document import EndpointRules
from pipeline.domain.endpoint_secrets import SecretSource
from pipeline.domain.urls import UrlRefused, parse_url
from pipeline.ports import StoreFailed
from pipeline.resources import PROFILES_DIR, SCHEMAS_DIR
from pipeline.wiring.configuration import sealer, topic_file
from pipeline.wiring.connection import connection
from pipeline.wiring.endpoint_vault import SealedVault
from pipeline.wiring.outbox_publishing import publish_pending
from pipeline.wiring.registry_adoption import TableSides, adopt_where_empty
from pipeline.wiring.registry_store import RegistryStore, opened_registry
from pipeline.wiring.table_publishing import Unacknowledged
from pipeline.wiring.table_reading import TablesUnread, read_tables

if TYPE_CHECKING:
    from pipeline.adapters.endpoint_file import EndpointFile
    from pipeline.adapters.kafka.topic_file import TopicFile
    from pipeline.domain.change_plan import ChangeLine, ChangePlan, Tables
    from pipeline.domain.profile import Profile
    from pipeline.settings import Settings
    from pipeline.wiring.connection import Connection

_TRIES: Final = 5
"""To keep what was planned, while others change things too."""


class NotPublished(Exception):
    """The changes are kept, and Kafka has not acknowledged every record of them yet.

    `lines` are the changes, with the secrets made for them: these must still be shown, because the
    next time they are there and not made again.
    """

    def __init__(self, text: str, lines: Sequence[ChangeLine]) -> None:
        super().__init__(text)
        self.lines = tuple(lines)


class Unsettled(Exception):
    """Others keep changing what the file is about; apply it again."""


@dataclass(frozen=True, slots=True)
class ChangeContext:
    """What files are compared with, and where their changes are kept and published."""

    connection: Connection
    topic_file: TopicFile
    topics: Topics
    codec: RecordCodec
    sealer: Sealer
    profiles: Mapping[str, Profile]
    addresses: AddressRules
    store: RegistryStore

    @property
    def sides(self) -> TableSides:
        return TableSides(self.store, self.connection, self.topic_file, self.codec)


def change_context(settings: Settings) -> ChangeContext:
    """What the settings say; whoever asks for it closes its store.

    Raises:
        NoKafka: no cluster is configured and no embedded broker runs here.
        TopicFileError: topics.yaml cannot be used.
        UnusableKey: there is no key to seal secrets with.
        StoreFailed: the store cannot be opened.
        ValueError: an allowed network or name, or the NAT64 prefix, is none.
    """
    reached = connection(settings, client="endpoints")
    file = topic_file(settings)
    sending = settings.sending
    return ChangeContext(
        connection=reached,
        topic_file=file,
        topics=Topics(Cluster(reached), file),
        codec=RecordCodec(load_schemas(SCHEMAS_DIR)),
        sealer=sealer(settings),
        profiles=read_profile_files(PROFILES_DIR),
        addresses=parse_rules(
            (*sending.allowed_networks, *sending.allowed_names), sending.nat64_prefix
        ),
        store=opened_registry(settings),
    )


async def apply_changes(file: EndpointFile, context: ChangeContext) -> tuple[ChangeLine, ...]:
    """Keep and publish what the file changes; a line for everything that it names.

    Secrets that are made are in the lines.

    Raises:
        EndpointFileError: something in the file is wrong; nothing was changed.
        TablesUnread: the tables have to be adopted and cannot be read; nothing was changed.
        ClusterFailed: Kafka does not answer, or a delivery topic cannot be made; nothing was
            changed.
        StoreFailed: the store cannot be asked, or not written; nothing was changed.
        Unsettled: nothing was changed.
        NotPublished: Kafka has not acknowledged everything.
    """
    await check_topics(context)
    await adopt_where_empty(context.sides)
    plan = await _kept(file, context)
    try:
        await publish_pending(context.sides)
    except (Unacknowledged, ClusterFailed, StoreFailed) as exc:
        raise NotPublished(str(exc), plan.lines) from exc
    return plan.lines


async def plan_file(file: EndpointFile, context: ChangeContext) -> ChangePlan:
    """What the file would change now. Its made secrets are others the next time.

    Raises:
        EndpointFileError, TablesUnread, ClusterFailed, StoreFailed: as for `apply_changes`.
    """
    await check_topics(context)
    tables = await asyncio.to_thread(_stored, context)
    if not tables.accounts:
        topology = context.topic_file.topology
        tables = await read_tables(context.connection, topology, codec=context.codec)
    return _planned(file, tables, context)


async def check_topics(context: ChangeContext) -> None:
    """Raises TablesUnread: topics are missing, or cannot be what they are for."""
    topology = context.topic_file.topology
    needed = (topology.accounts, topology.endpoints, topology.shared_delivery)
    verdict = await asyncio.to_thread(context.topics.check, needed)
    if verdict.refusals:
        raise TablesUnread("; ".join(verdict.refusals))


async def _kept(file: EndpointFile, context: ChangeContext) -> ChangePlan:
    """The plan, once it is in the store."""
    for _ in range(_TRIES):
        tables = await asyncio.to_thread(_stored, context)
        plan = _planned(file, tables, context)
        if not plan.accounts and not plan.endpoints:
            return plan
        own = [record.endpoint.topic for record in plan.endpoints if record.needs_topic]
        if own:
            # Before anything is kept: a topic that cannot be made is then no reason to mend it.
            await asyncio.to_thread(context.topics.create, own)
        if await asyncio.to_thread(_keep, plan, tables, context):
            return plan
    raise Unsettled("others keep changing the same accounts: apply the file again")


def _stored(context: ChangeContext) -> Tables:
    with context.store.registry.reading() as reader:
        return reader.accounts_and_endpoints()


def _keep(plan: ChangePlan, tables: Tables, context: ChangeContext) -> bool:
    """Whether it was kept: not where the store is not any more what was planned on."""
    records, vault = context.sides.records, SealedVault(context.sealer)
    touched = {account.id for account in plan.accounts}
    touched |= {record.endpoint.account for record in plan.endpoints}
    with context.store.registry.writing(Author("endpoints apply", "command")) as writer:
        for account_id in sorted(touched):
            writer.lock_account(account_id)
        writer.lock_topics()
        if writer.accounts_and_endpoints() != tables:
            return False
        for account in plan.accounts:
            writer.put_account(account)
            writer.publish(records.of_account(account))
        for record in plan.endpoints:
            endpoint = vault.seal(record)
            writer.put_endpoint(endpoint)
            writer.publish(records.of_endpoint(endpoint, needs_topic=record.needs_topic))
    return True


def _planned(file: EndpointFile, tables: Tables, context: ChangeContext) -> ChangePlan:
    try:
        return plan_document(file.document, tables, context)
    except DocumentErrors as exc:
        raise file.error(exc.errors) from exc


def plan_document(document: object, tables: Tables, context: ChangeContext) -> ChangePlan:
    """What a document changes in these tables. Raises DocumentErrors."""

    def present_profile(account_id: str) -> str | None:
        account = tables.accounts.get(account_id)
        return None if account is None else account.profile

    endpoints = EndpointRules(context.profiles, _url_check(context.addresses))
    entries = read_accounts(document, AccountRules(endpoints, present_profile))
    rules = PlanRules(
        profiles=context.profiles,
        topology=context.topic_file.topology,
        source=SecretSource(now_ms(), secrets.token_bytes),
        open_credentials=SealedVault(context.sealer).open,
        dedicated_limit=context.topic_file.dedicated_limit,
    )
    return plan_changes(entries, tables, rules)


def _url_check(rules: AddressRules) -> Callable[[str], None]:
    def check_url(url: str) -> None:
        refusal = literal_refusal(parse_url(url), rules)
        if refusal is not None:
            raise UrlRefused(
                f"{REFUSED_TARGET}: {refusal}; who runs the pipeline can allow it with"
                " PIPELINE_SENDING__ALLOWED_NETWORKS"
            )

    return check_url
