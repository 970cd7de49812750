"""The sender, put together."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from pipeline.clock import now_ms
from pipeline.domain.credentials import InvalidCredentials, read_credentials
from pipeline.domain.endpoint import Credentials, EndpointStatus
from pipeline.domain.signing import InvalidSigning
from pipeline.domain.signing_secrets import InvalidSecret
from pipeline.stages.sender.attempt_log import AttemptLog
from pipeline.stages.sender.attempting import Attempting
from pipeline.stages.sender.giving_up import GivingUp, GivingUpPorts
from pipeline.stages.sender.memory import TriedMemory
from pipeline.stages.sender.recipient import Recipient, SenderIdentity, prepare_recipient
from pipeline.stages.sender.sender import Sender, SenderPorts
from pipeline.wiring.stage_process import BuiltStage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pipeline.domain.directory import Directory
    from pipeline.domain.endpoint import Endpoint
    from pipeline.domain.profile import Profile
    from pipeline.domain.tiers import Tier
    from pipeline.ports import Courier
    from pipeline.wiring.stage_process import Parts

log = logging.getLogger(__name__)

DAY_MS = 86_400_000
Unseal = Callable[[bytes, str], bytes]
"""Opens the sealed credentials of the endpoint with this id."""


class Recipients:
    """Endpoints made ready for sending."""

    def __init__(
        self,
        profiles: Mapping[str, Profile],
        unseal: Unseal,
        *,
        identity: SenderIdentity,
        tiers: tuple[Tier, ...],
    ) -> None:
        self._profiles = profiles
        self._unseal = unseal
        self._identity = identity
        self._tiers = tiers

    def prepare(self, endpoint: Endpoint) -> Recipient | None:
        """None, and a line in the log, where nothing can be sent to it as it is: its deliveries are held."""
        try:
            return prepare_recipient(
                endpoint,
                self._profiles[endpoint.profile],
                credentials=self._credentials(endpoint),
                identity=self._identity,
                tiers=self._tiers,
            )
        except KeyError:
            log.error("endpoint %s: the profile %r is not known to this version", endpoint.id, endpoint.profile)
        except (InvalidSecret, InvalidSigning, InvalidCredentials) as error:
            log.error("endpoint %s: %s", endpoint.id, error)
        return None

    def _credentials(self, endpoint: Endpoint) -> Credentials:
        if endpoint.sealed is None:
            return Credentials()
        return read_credentials(self._unseal(endpoint.sealed, endpoint.id))


def build_sender(
    parts: Parts, recipients: Recipients, courier: Courier, *, tiers: tuple[Tier, ...]
) -> BuiltStage:
    """An intake over the delivery topics."""
    at = parts.surroundings
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
    attempting = Attempting(courier, now_ms=now_ms, jitter=random.random, tally=parts.tally)
    sender = Sender(
        parts.loop,
        SenderPorts(
            records=at.codec,
            directory=parts.tables.directory,
            prepare=recipients.prepare,
            attempting=attempting,
            attempt_log=AttemptLog(at.topology.attempts, parts.outlet, records=at.codec),
            giving_up=giving_up,
            memory=TriedMemory(),
            tally=parts.tally,
            now_ms=now_ms,
            shared_topic=at.topology.shared_delivery,
            max_wait_ms=at.settings.sending.max_wait_days * DAY_MS,
        ),
        tasks=parts.tasks,
    )

    def on_change(endpoint_ids: Iterable[str]) -> None:
        for endpoint_id in endpoint_ids:
            sender.on_endpoint(endpoint_id)

    parts.tables.listen(on_change)
    return BuiltStage(
        sender, lambda: delivery_topics(parts.tables.directory, shared=at.topology.shared_delivery)
    )


def delivery_topics(directory: Directory, *, shared: str) -> set[str]:
    """What senders read: the shared topic, and the topics of endpoints that are not inactive.

    An inactive endpoint's topic is its waiting room. A removed one's is read until nothing is left in it.
    """
    return {shared} | {
        endpoint.topic for endpoint in directory.endpoints() if endpoint.status in READ_STATUSES
    }


READ_STATUSES = frozenset({EndpointStatus.ACTIVE, EndpointStatus.REMOVED})
