"""What the API's application consists of: every resource with what it needs."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from threading import Event
from typing import Any, cast

from fastapi import APIRouter

from pipeline.adapters.http.consent import ConsentDesk
from pipeline.adapters.http.curl_client import open_client
from pipeline.adapters.profile_files import read_profile_document, read_profile_files
from pipeline.adapters.sample_files import read_sample_files
from pipeline.api import (
    accounts,
    audit,
    console_links,
    endpoints,
    event_types,
    handshakes,
    keys,
    profiles,
    relations,
    sample_sending,
)
from pipeline.api import status as status_routes
from pipeline.api.account_changes import AccountPorts
from pipeline.api.app import Application
from pipeline.api.authentication import Authentication
from pipeline.api.consent_asking import CALLBACK_PATH, ConsentAsking
from pipeline.api.console_links import ConsoleLinkPorts, ConsoleLinks
from pipeline.api.endpoint_ports import ConsentPorts, EndpointPorts
from pipeline.api.event_type_changes import EventTypePorts
from pipeline.api.key_memory import KeyMemory
from pipeline.api.key_uses import KeyUses
from pipeline.api.keys import KeyPorts
from pipeline.api.known_profiles import KnownProfiles
from pipeline.api.outbox import Outbox
from pipeline.api.profile_changes import Document, ProfilePorts
from pipeline.api.receiving import Receiving
from pipeline.api.relation_changes import RelationPorts
from pipeline.api.sample_sending import SamplePorts
from pipeline.api.status import StatusPorts
from pipeline.clock import now_ms
from pipeline.resources import PROFILE_SAMPLES_DIR, PROFILES_DIR
from pipeline.wiring.activation import redrive_of_inactive
from pipeline.wiring.api_jobs import job_routers
from pipeline.wiring.api_log import LogSurroundings, log_routers
from pipeline.wiring.api_surroundings import ApiSurroundings
from pipeline.wiring.configuration import sealer
from pipeline.wiring.console_parts import BacklogAsking, Pages, console_over, system_ports
from pipeline.wiring.endpoint_vault import SealedTokens, SealedVault, link_seals
from pipeline.wiring.event_ingest import EventIngest, IngestSurroundings, open_event_ingest
from pipeline.wiring.http_client import client_settings
from pipeline.wiring.operators_key import operator_key
from pipeline.wiring.outbox_publishing import keep_published, opened_outbox
from pipeline.wiring.reach import Reach
from pipeline.wiring.registry_adoption import TableSides
from pipeline.wiring.settled_registry import SettledRegistry
from pipeline.wiring.url_check import tenants_url_check

Work = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class ApiParts:
    """An application, and what goes on beside it for ever."""

    application: Application
    pages: Pages
    work: Sequence[Work]


@dataclass(frozen=True, slots=True)
class _Keys:
    """All that knows keys."""

    memory: KeyMemory
    uses: KeyUses
    authentication: Authentication


@dataclass(frozen=True, slots=True)
class _Changes:
    """What changes are made with."""

    outbox: Outbox
    profiles: KnownProfiles
    keys: _Keys


async def open_api(at: ApiSurroundings, closing: AsyncExitStack) -> ApiParts:
    """Return when the tables are in memory.

    Raises TopicsUnfit, UnusableKey, ProfileFileError, SinkFailed, ClusterFailed.
    """
    process = at.process
    sides = TableSides(at.store, process.connection, process.topic_file, process.codec)
    outbox = await closing.enter_async_context(opened_outbox(sides))
    settled = Event()
    at = replace(
        at, store=replace(at.store, registry=SettledRegistry(at.registry, settled=settled))
    )
    ingest = await _event_ingest(at, closing)
    changes = _Changes(
        outbox=outbox,
        profiles=KnownProfiles(read_profile_files(PROFILES_DIR)),
        keys=_keys(at, closing),
    )
    routers = [
        status_routes.router(StatusPorts(at.standing)),
        *await job_routers(at.process, ingest, at.registry, fail=at.fail, closing=closing),
        *_accounts_and_keys(at, changes),
        *await _endpoints(at, changes, closing),
        *_deliveries(at, ingest, closing),
        ingest.router,
    ]
    links = ConsoleLinks(link_seals(sealer(at.settings)), now_ms)
    routers += [
        audit.router(at.store.audit),
        console_links.router(ConsoleLinkPorts(at.registry, links, at.settings.api.public_url)),
    ]
    return ApiParts(
        Application(
            authentication=changes.keys.authentication,
            tally=at.tally,
            routers=routers,
            public_url=at.settings.api.public_url,
            keyless=(CALLBACK_PATH,),
            direct=dict(ingest.direct),
        ),
        console_over(
            at.settings,
            store=at.store.operators,
            authentication=changes.keys.authentication,
            links=links,
            system=system_ports(
                at.settings,
                standing=at.standing,
                ask_backlog=BacklogAsking(Reach(process.connection, process.topic_file)).ask,
            ),
        ),
        (
            partial(keep_published, sides, outbox, on_settled=settled.set),
            changes.keys.uses.keep_written,
            *ingest.work,
        ),
    )


async def _event_ingest(at: ApiSurroundings, closing: AsyncExitStack) -> EventIngest:
    process = at.process
    return await open_event_ingest(
        IngestSurroundings(
            connection=process.connection,
            topic_file=process.topic_file,
            codec=process.codec,
            registry=at.registry,
            event_key=at.event_key,
            on_failed=at.fail,
        ),
        closing,
    )


def _deliveries(
    at: ApiSurroundings, ingest: EventIngest, closing: AsyncExitStack
) -> list[APIRouter]:
    codec = at.process.codec
    receiving = Receiving(
        tables=ingest.tables,
        reach=ingest.reach,
        table_logs=ingest.table_logs,
        rows=at.store.rows,
        event_log=ingest.event_log,
        encode_delivery=codec.encode_delivery,
        now_ms=now_ms,
    )
    samples = SamplePorts(
        registry=at.registry,
        receiving=receiving,
        samples=read_sample_files(PROFILE_SAMPLES_DIR),
        now_ms=now_ms,
        random_bytes=os.urandom,
    )
    log_at = LogSurroundings(
        connection=at.process.connection,
        codec=codec,
        store=at.store,
        receiving=receiving,
        archived_after_ms=at.settings.archive.after_ms,
        topic_file=at.process.topic_file,
        now_ms=now_ms,
        random_bytes=os.urandom,
    )
    return [sample_sending.router(samples), *log_routers(log_at, closing)]


def _keys(at: ApiSurroundings, closing: AsyncExitStack) -> _Keys:
    memory = KeyMemory(at.registry)
    closing.callback(memory.close)
    uses = KeyUses(at.registry)
    key = operator_key(at.settings)
    return _Keys(memory, uses, Authentication(memory, uses, operator_key=key, now_ms=now_ms))


def _accounts_and_keys(at: ApiSurroundings, changes: _Changes) -> list[APIRouter]:
    forget_key = changes.keys.memory.forget
    return [
        accounts.router(
            AccountPorts(
                registry=at.registry,
                outbox=changes.outbox,
                records=at.records,
                profiles=changes.profiles,
                forget_key=forget_key,
                now_ms=now_ms,
            )
        ),
        profiles.router(
            ProfilePorts(
                registry=at.registry,
                outbox=changes.outbox,
                records=at.records,
                profiles=changes.profiles,
                shipped_documents=_shipped_documents(changes.profiles),
                vault=SealedVault(sealer(at.settings)),
                now_ms=now_ms,
                random_bytes=os.urandom,
            )
        ),
        event_types.router(EventTypePorts(at.registry, now_ms)),
        keys.router(
            KeyPorts(at.registry, forget_key=forget_key, now_ms=now_ms, random_bytes=os.urandom)
        ),
    ]


def _shipped_documents(profiles: KnownProfiles) -> dict[str, Document]:
    return {
        name: cast("Document", read_profile_document(PROFILES_DIR / f"{name}.yaml"))
        for name in profiles.shipped
    }


async def _endpoints(
    at: ApiSurroundings, changes: _Changes, closing: AsyncExitStack
) -> list[APIRouter]:
    settings, topology = at.settings, at.process.topology
    sending = client_settings(settings.sending)
    client = await closing.enter_async_context(open_client(sending))
    sealing = sealer(settings)
    ports = EndpointPorts(
        registry=at.registry,
        outbox=changes.outbox,
        records=at.records,
        profiles=changes.profiles,
        vault=SealedVault(sealing),
        check_url=tenants_url_check(sending.rules),
        topology=topology,
        dedicated_limit=at.process.topic_file.dedicated_limit,
        now_ms=now_ms,
        random_bytes=os.urandom,
        operations=at.operations,
        redrive=redrive_of_inactive(at.process.codec, topology),
    )
    consents = ConsentAsking(
        ports,
        ConsentPorts(
            consent=ConsentDesk(client, user_agent=settings.sending.user_agent),
            tokens=SealedTokens(sealing),
            origin=settings.sending.origin,
            public_url=settings.api.public_url,
        ),
    )
    return [
        endpoints.router(ports, consents),
        handshakes.router(consents),
        relations.router(
            RelationPorts(
                registry=at.registry,
                outbox=changes.outbox,
                records=at.records,
                profiles=changes.profiles,
                encode_event=at.process.codec.encode_event,
                event_key=at.event_key,
                events_topic=topology.events,
                now_ms=now_ms,
                random_bytes=os.urandom,
                operations=at.operations,
            )
        ),
    ]
