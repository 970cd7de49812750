"""The sender, put together."""

from __future__ import annotations

import logging
import random
from functools import partial
from typing import TYPE_CHECKING

from pipeline.adapters.http.courier import HttpCourier
from pipeline.adapters.http.curl_client import open_client
from pipeline.adapters.kafka.delivered_since import AttemptTail, DeliveredStarts
from pipeline.adapters.kafka.start_positions import GroupStarts
from pipeline.adapters.mail.composing import parse_mail_sender
from pipeline.adapters.mail.letterbox import LetterboxSettings, open_letterbox
from pipeline.adapters.mail.mail_server import parse_mail_url
from pipeline.adapters.sealing import CannotOpen
from pipeline.clock import now_ms
from pipeline.domain.admission import account_refusal
from pipeline.domain.credentials import InvalidCredentials, read_credentials
from pipeline.domain.endpoint import Credentials, EndpointStatus
from pipeline.domain.signing import InvalidSigning
from pipeline.domain.signing_secrets import InvalidSecret
from pipeline.stages.sender.attempt_log import AttemptLog
from pipeline.stages.sender.attempting import Attempting
from pipeline.stages.sender.concluding import Concluding
from pipeline.stages.sender.giving_up import GivingUp, GivingUpPorts
from pipeline.stages.sender.intervening import Intervening
from pipeline.stages.sender.memory import TriedMemory
from pipeline.stages.sender.owners_notes import NotePorts, OwnersNotes
from pipeline.stages.sender.recipient import Recipient, SendingWays, prepare_recipient
from pipeline.stages.sender.requesting import SenderIdentity
from pipeline.stages.sender.sender import Sender, SenderPorts
from pipeline.telemetry.instruments import ENDPOINTS_FAILING, FAILING_AGE
from pipeline.wiring.configuration import sealer
from pipeline.wiring.http_client import client_settings
from pipeline.wiring.live_tables import INTERVENTIONS, SENDING_TABLES
from pipeline.wiring.stage_process import BuiltStage

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.adapters.sealing import Sealer
    from pipeline.domain.directory import Directory
    from pipeline.domain.endpoint import Endpoint
    from pipeline.domain.profile import Profile
    from pipeline.ports import StartPositions
    from pipeline.settings import Settings
    from pipeline.wiring.stage_process import Opening, Parts

log = logging.getLogger(__name__)

DAY_MS = 86_400_000


class Recipients:
    """Endpoints made ready for sending."""

    def __init__(
        self,
        profile_of: Callable[[str], Profile | None],
        sealer: Sealer,
        ways: SendingWays,
    ) -> None:
        self._profile_of = profile_of
        self._sealer = sealer
        self._ways = ways

    def prepare(self, endpoint: Endpoint) -> Recipient | None:
        """None, and a line in the log, where nothing can be sent to it as it is.

        Its deliveries are held.
        """
        profile = self._profile_of(endpoint.profile)
        if profile is None:
            log.warning("endpoint %s: the profile %r is not known", endpoint.id, endpoint.profile)
            return None
        try:
            return prepare_recipient(
                endpoint,
                profile,
                credentials=self._credentials(endpoint),
                ways=self._ways,
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

    tables = (*SENDING_TABLES, INTERVENTIONS)

    async def build(self, parts: Parts) -> BuiltStage:
        at = parts.surroundings
        tiers = at.topic_file.tiers
        sending = at.settings.sending
        client = await parts.closing.enter_async_context(open_client(client_settings(sending)))
        letterbox = await parts.closing.enter_async_context(
            open_letterbox(letterbox_settings(at.settings), now_ms)
        )
        recipients = Recipients(
            parts.tables.profiles.get,
            sealer(at.settings),
            SendingWays(
                SenderIdentity(sending.user_agent, sending.origin),
                tiers,
                HttpCourier(client, user_agent=sending.user_agent),
                letterbox,
                partial(_is_on, parts.tables.directory),
            ),
        )
        notes = OwnersNotes(
            NotePorts(
                parts.tables.interventions,
                at.topology.interventions,
                at.codec.encode_intervention,
                parts.outlet,
            )
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
                notes=notes,
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
                    notes=notes,
                ),
                giving_up=giving_up,
                intervening=Intervening(
                    parts.loop, notes, giving_up, memory=memory, tally=parts.tally
                ),
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
        return BuiltStage(
            sender,
            lambda: delivery_topics(directory, shared=shared),
            gauges={
                ENDPOINTS_FAILING: lambda: sender.failing()[0],
                FAILING_AGE: lambda: _age_seconds(sender.failing()[1]),
            },
        )

    def starts(self, opening: Opening) -> StartPositions:
        source, at = opening.source, opening.surroundings
        starts = GroupStarts(source, opening.memory, first_offset=source.first_offset)
        tail = AttemptTail(at.connection, at.topology.attempts, decode=at.codec.decode_attempts)
        return DeliveredStarts(starts, tail)


def _age_seconds(since_ms: int | None) -> float:
    return 0.0 if since_ms is None else max(now_ms() - since_ms, 0) / 1000


def delivery_topics(directory: Directory, *, shared: str) -> tuple[str, ...]:
    """What senders read: the shared topic, and the topics of endpoints that are not inactive.

    An inactive endpoint's topic is its waiting room, and so is that of an account that is switched
    off; a removed one's is read until it is empty, and so is one that an endpoint was moved from.
    The shared topic comes first: a group is joined with the first one, which has to be there, and
    a removed endpoint's is deleted one day.
    """
    read = set[str]()
    for endpoint in directory.endpoints():
        if endpoint.status is EndpointStatus.REMOVED or (
            endpoint.status is EndpointStatus.ACTIVE and _is_on(directory, endpoint.account)
        ):
            read.add(endpoint.topic)
            if endpoint.moved_from is not None:
                read.add(endpoint.moved_from)
    return (shared, *sorted(read - {shared}))


def _is_on(directory: Directory, account_id: str) -> bool:
    return account_refusal(directory.account(account_id)) is None


def letterbox_settings(settings: Settings) -> LetterboxSettings:
    """Raises MailServerRefused or InvalidMailAddress where a setting cannot be read."""
    mail, sending = settings.mail, settings.sending
    return LetterboxSettings(
        server=parse_mail_url(mail.url.get_secret_value()) if mail.url else None,
        sender=parse_mail_sender(mail.from_),
        greeting_name=sending.origin,
        additional_authorities=sending.ca_file,
    )
