"""The sender, put together."""

from __future__ import annotations

import logging
import random
from typing import TYPE_CHECKING

from pipeline.adapters.http.courier import HttpCourier
from pipeline.adapters.http.curl_client import ClientSettings, open_client
from pipeline.adapters.http.egress import parse_proxy
from pipeline.adapters.kafka.delivered_since import AttemptTail, DeliveredStarts
from pipeline.adapters.kafka.start_positions import GroupStarts
from pipeline.adapters.profile_files import read_profile_files
from pipeline.adapters.sealing import CannotOpen
from pipeline.clock import now_ms
from pipeline.domain.addresses import parse_rules
from pipeline.domain.credentials import InvalidCredentials, read_credentials
from pipeline.domain.endpoint import Credentials, EndpointStatus
from pipeline.domain.signing import InvalidSigning
from pipeline.domain.signing_secrets import InvalidSecret
from pipeline.resources import PROFILES_DIR
from pipeline.stages.sender.attempt_log import AttemptLog
from pipeline.stages.sender.attempting import Attempting
from pipeline.stages.sender.concluding import Concluding
from pipeline.stages.sender.giving_up import GivingUp, GivingUpPorts
from pipeline.stages.sender.memory import TriedMemory
from pipeline.stages.sender.recipient import (
    Recipient,
    SenderIdentity,
    SendingWays,
    prepare_recipient,
)
from pipeline.stages.sender.sender import Sender, SenderPorts
from pipeline.wiring.configuration import sealer
from pipeline.wiring.stage_process import BuiltStage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.adapters.sealing import Sealer
    from pipeline.domain.directory import Directory
    from pipeline.domain.endpoint import Endpoint
    from pipeline.domain.profile import Profile
    from pipeline.ports import StartPositions
    from pipeline.settings import SendingSettings
    from pipeline.wiring.stage_process import Opening, Parts

log = logging.getLogger(__name__)

DAY_MS = 86_400_000


class Recipients:
    """Endpoints made ready for sending."""

    def __init__(
        self,
        profiles: Mapping[str, Profile],
        sealer: Sealer,
        ways: SendingWays,
    ) -> None:
        self._profiles = profiles
        self._sealer = sealer
        self._ways = ways

    def prepare(self, endpoint: Endpoint) -> Recipient | None:
        """None, and a line in the log, where nothing can be sent to it as it is.

        Its deliveries are held.
        """
        try:
            return prepare_recipient(
                endpoint,
                self._profiles[endpoint.profile],
                credentials=self._credentials(endpoint),
                ways=self._ways,
            )
        except KeyError:
            log.warning(
                "endpoint %s: the profile %r is not known to this version",
                endpoint.id,
                endpoint.profile,
            )
        except (InvalidSecret, InvalidSigning, InvalidCredentials, CannotOpen) as error:
            log.warning("endpoint %s: %s", endpoint.id, error)
        return None

    def _credentials(self, endpoint: Endpoint) -> Credentials:
        if endpoint.sealed is None:
            return Credentials()
        opened = self._sealer.open(endpoint.sealed, record_key=endpoint.id.encode())
        return read_credentials(opened)


class SenderStage:
    """Implements `StageDefinition`."""

    async def build(self, parts: Parts) -> BuiltStage:
        at = parts.surroundings
        tiers = at.topic_file.tiers
        sending = at.settings.sending
        client = await parts.closing.enter_async_context(open_client(client_settings(sending)))
        recipients = Recipients(
            read_profile_files(PROFILES_DIR),
            sealer(at.settings),
            SendingWays(
                SenderIdentity(sending.user_agent, sending.origin), tiers, HttpCourier(client)
            ),
        )
        giving_up = GivingUp(
            parts.loop,
            GivingUpPorts(
                outlet=parts.outlet,
                records=at.codec,
                dead=parts.dead,
                tally=parts.tally,
                now_ms=now_ms,
                tiers=tiers,
                tier_topics={tier.name: at.topology.retry(tier.name) for tier in tiers},
            ),
        )
        memory = TriedMemory()
        sender = Sender(
            parts.loop,
            SenderPorts(
                records=at.codec,
                directory=parts.tables.directory,
                prepare=recipients.prepare,
                attempting=Attempting(jitter=random.random, tally=parts.tally, spans=parts.spans),
                concluding=Concluding(
                    parts.loop,
                    AttemptLog(at.topology.attempts, parts.outlet, records=at.codec),
                    giving_up=giving_up,
                    memory=memory,
                ),
                giving_up=giving_up,
                memory=memory,
                tally=parts.tally,
                now_ms=now_ms,
                shared_topic=at.topology.shared_delivery,
                max_wait_ms=sending.max_wait_days * DAY_MS,
            ),
            tasks=parts.tasks,
        )
        parts.tables.listen(sender.on_endpoints)
        directory, shared = parts.tables.directory, at.topology.shared_delivery
        return BuiltStage(sender, lambda: delivery_topics(directory, shared=shared))

    def starts(self, opening: Opening) -> StartPositions:
        source, at = opening.source, opening.surroundings
        starts = GroupStarts(source, opening.memory, first_offset=source.first_offset)
        tail = AttemptTail(at.connection, at.topology.attempts, decode=at.codec.decode_attempts)
        return DeliveredStarts(starts, tail)


def delivery_topics(directory: Directory, *, shared: str) -> tuple[str, ...]:
    """What senders read: the shared topic, and the topics of endpoints that are not inactive.

    An inactive endpoint's topic is its waiting room; a removed one's is read until it is empty, and
    so is one that an endpoint was moved from.
    """
    read = {shared}
    for endpoint in directory.endpoints():
        if endpoint.status in READ_STATUSES:
            read.add(endpoint.topic)
            if endpoint.moved_from is not None:
                read.add(endpoint.moved_from)
    return tuple(sorted(read))


def client_settings(sending: SendingSettings) -> ClientSettings:
    """Raises ValueError where a network or the proxy cannot be read."""
    return ClientSettings(
        rules=parse_rules(
            (*sending.allowed_networks, *sending.allowed_names), sending.nat64_prefix
        ),
        additional_authorities=sending.ca_file,
        proxy=parse_proxy(sending.proxy) if sending.proxy else None,
        idle_connections=sending.idle_connections,
    )


READ_STATUSES = frozenset({EndpointStatus.ACTIVE, EndpointStatus.REMOVED})
