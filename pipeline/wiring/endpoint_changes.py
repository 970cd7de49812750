"""Accounts and endpoints out of a file, compared with the tables and published into them.

Nothing is applied half: the whole file is checked and every change decided before the first record
is produced. What an interruption leaves undone is done by applying the file again.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipeline.adapters.kafka.cluster import Cluster
from pipeline.adapters.kafka.codec import RecordCodec
from pipeline.adapters.kafka.schema_files import load_schemas
from pipeline.adapters.kafka.topics import Topics
from pipeline.adapters.profile_files import read_profile_files
from pipeline.adapters.sealing import CannotOpen, Sealer
from pipeline.clock import now_ms
from pipeline.domain.account_document import AccountRules, DocumentErrors, read_accounts
from pipeline.domain.account_planning import plan_changes
from pipeline.domain.addresses import REFUSED_TARGET, AddressRules, literal_refusal, parse_rules
from pipeline.domain.change_plan import PlanRules, UnreadableSecrets
from pipeline.domain.credentials import InvalidCredentials, read_credentials, write_credentials
from pipeline.domain.endpoint import Credentials
from pipeline.domain.endpoint_document import EndpointRules
from pipeline.domain.endpoint_secrets import SecretSource
from pipeline.domain.urls import UrlRefused, parse_url
from pipeline.flow import Emit
from pipeline.resources import PROFILES_DIR, SCHEMAS_DIR
from pipeline.wiring.configuration import sealer, topic_file
from pipeline.wiring.connection import connection
from pipeline.wiring.table_publishing import Unacknowledged, publish_records
from pipeline.wiring.table_reading import TablesUnread, read_tables

if TYPE_CHECKING:
    from pipeline.adapters.endpoint_file import EndpointFile
    from pipeline.adapters.kafka.topic_file import TopicFile
    from pipeline.domain.change_plan import ChangeLine, ChangePlan, EndpointRecord, Tables
    from pipeline.domain.endpoint import Endpoint
    from pipeline.domain.profile import Profile
    from pipeline.settings import Settings
    from pipeline.wiring.connection import Connection


class NotPublished(Exception):
    """Kafka has not acknowledged every record; applying the file again does what is left.

    `lines` are the changes that it may have taken all the same, with the secrets made for them:
    these must still be shown, because the next time they are there and not made again.
    """

    def __init__(self, text: str, lines: Sequence[ChangeLine]) -> None:
        super().__init__(text)
        self.lines = tuple(lines)


@dataclass(frozen=True, slots=True)
class ChangeContext:
    """What files are compared with, and where their changes are published."""

    connection: Connection
    topic_file: TopicFile
    topics: Topics
    codec: RecordCodec
    sealer: Sealer
    profiles: Mapping[str, Profile]
    addresses: AddressRules


def change_context(settings: Settings) -> ChangeContext:
    """What the settings say.

    Raises:
        NoKafka: no cluster is configured and no embedded broker runs here.
        TopicFileError: topics.yaml cannot be used.
        UnusableKey: there is no key to seal secrets with.
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
    )


async def apply_changes(file: EndpointFile, context: ChangeContext) -> tuple[ChangeLine, ...]:
    """Publish what the file changes; a line for everything that it names, made secrets included.

    Raises:
        EndpointFileError: something in the file is wrong; nothing was published.
        TablesUnread: the tables cannot be read; nothing was published.
        ClusterFailed: Kafka does not answer, or a delivery topic cannot be made; nothing of the
            tables was changed.
        NotPublished: Kafka has not acknowledged everything.
    """
    plan = await plan_file(file, context)
    if plan.accounts or plan.endpoints:
        await publish(plan, context)
    return plan.lines


async def plan_file(file: EndpointFile, context: ChangeContext) -> ChangePlan:
    """What the file would change now. Its made secrets are others the next time.

    Raises:
        EndpointFileError, TablesUnread, ClusterFailed: as for `apply_changes`.
    """
    topology = context.topic_file.topology
    needed = (topology.accounts, topology.endpoints, topology.shared_delivery)
    verdict = await asyncio.to_thread(context.topics.check, needed)
    if verdict.refusals:
        raise TablesUnread("; ".join(verdict.refusals))
    tables = await read_tables(context.connection, topology, codec=context.codec)
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
        open_credentials=lambda endpoint: _opened(endpoint, context.sealer),
        dedicated_limit=context.topic_file.dedicated_limit,
    )
    return plan_changes(entries, tables, rules)


async def publish(plan: ChangePlan, context: ChangeContext) -> None:
    """Publish a plan: delivery topics first, then accounts, then endpoints, each acknowledged.

    Raises:
        ClusterFailed, NotPublished: as for `apply_changes`.
    """
    topology = context.topic_file.topology
    own = [record.endpoint.topic for record in plan.endpoints if record.needs_topic]
    if own:
        # Whoever sees the endpoint's record subscribes to its topic at once, so it must be there.
        await asyncio.to_thread(context.topics.create, own)
    accounts = [
        Emit(topology.accounts, context.codec.encode_account(account), account.id.encode())
        for account in plan.accounts
    ]
    endpoints = [
        Emit(
            topology.endpoints,
            context.codec.encode_endpoint(_sealed(record, context.sealer)),
            record.endpoint.id.encode(),
        )
        for record in plan.endpoints
    ]
    try:
        await publish_records(context.connection, accounts, endpoints)
    except Unacknowledged as exc:
        raise NotPublished(f"{exc}; apply the file again", plan.lines) from exc


def _sealed(record: EndpointRecord, sealer: Sealer) -> Endpoint:
    endpoint, credentials = record.endpoint, record.credentials
    if credentials is None:
        return endpoint
    if credentials == Credentials():
        return replace(endpoint, sealed=None)
    content = write_credentials(credentials)
    return replace(endpoint, sealed=sealer.seal(content, record_key=endpoint.id.encode()))


def _opened(endpoint: Endpoint, sealer: Sealer) -> Credentials:
    if endpoint.sealed is None:
        return Credentials()
    try:
        return read_credentials(sealer.open(endpoint.sealed, record_key=endpoint.id.encode()))
    except (CannotOpen, InvalidCredentials) as exc:
        raise UnreadableSecrets(str(exc)) from exc


def _url_check(rules: AddressRules) -> Callable[[str], None]:
    def check_url(url: str) -> None:
        refusal = literal_refusal(parse_url(url), rules)
        if refusal is not None:
            raise UrlRefused(
                f"{REFUSED_TARGET}: {refusal}; who runs the pipeline can allow it with"
                " PIPELINE_SENDING__ALLOWED_NETWORKS"
            )

    return check_url
