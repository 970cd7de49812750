"""The judge of endpoints, which runs beside the recorder, put together."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from pipeline.adapters.kafka.cluster import ClusterFailed
from pipeline.adapters.kafka.codec import RecordCodec
from pipeline.adapters.mail.letterbox import open_letterbox
from pipeline.adapters.profile_files import read_profile_files
from pipeline.adapters.storage.engine import Durability
from pipeline.adapters.storage.opening import open_store
from pipeline.adapters.storage.sql_watch import SqlWatch
from pipeline.api.known_profiles import KnownProfiles
from pipeline.clock import now_ms
from pipeline.domain.delivery import Attempt, Reason
from pipeline.domain.event_document import EVENT_KEYS
from pipeline.domain.inactivity import InactivityRules
from pipeline.domain.topology import Topology
from pipeline.ports import StoreFailed
from pipeline.registry import RegistryReader
from pipeline.resources import PROFILES_DIR
from pipeline.settings import Settings
from pipeline.stages.judge.judging import JudgePorts, Judging
from pipeline.stages.judge.notifying import Notifying, NotifyingPorts
from pipeline.watching import Operations
from pipeline.wiring.configuration import store_url
from pipeline.wiring.outbox_publishing import publish_pending
from pipeline.wiring.registry_adoption import TableSides
from pipeline.wiring.registry_store import registry_in
from pipeline.wiring.sender_stage import letterbox_settings
from pipeline.wiring.stage_process import Surroundings
from pipeline.wiring.table_publishing import Unacknowledged

log = logging.getLogger(__name__)

Work = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Judge:
    """What goes on beside the recorder, and what it is told."""

    judging: Judging
    work: Sequence[Work]

    def on_written(self, attempts: Sequence[Attempt]) -> None:
        """An endpoint that is gone is not waited with."""
        if any(attempt.reason == Reason.GONE for attempt in attempts):
            self.judging.wake()


def operations_of(settings: Settings, codec: RecordCodec, topology: Topology) -> Operations | None:
    """None where no account of the operator's is named."""
    account = settings.operations.account
    if account is None:
        return None
    key = EVENT_KEYS[settings.events.key]
    return Operations(account, topology.events, codec.encode_event, key, now_ms, os.urandom)


async def open_judge(
    at: Surroundings, *, owns: Callable[[], bool], closing: AsyncExitStack
) -> Judge:
    """Raises ProfileFileError, MailServerRefused, InvalidMailAddress or StoreFailed."""
    store = open_store(store_url(at.settings), durability=Durability.TRUTH)
    closing.callback(store.close)
    watch = SqlWatch(store)
    sides = TableSides(registry_in(store), at.connection, at.topic_file, at.codec)
    letters = letterbox_settings(at.settings)
    letterbox = await closing.enter_async_context(open_letterbox(letters, now_ms))
    judging = Judging(
        JudgePorts(
            watch=watch,
            registry=sides.store.registry,
            rules_of=rules_by_profile(KnownProfiles(read_profile_files(PROFILES_DIR))),
            record_of=sides.records.of_endpoint,
            operations=operations_of(at.settings, at.codec, at.topology),
            publish=_publishing(sides),
            owns=owns,
            now_ms=now_ms,
            random_bytes=os.urandom,
        ),
        every_seconds=at.settings.stage.judge_seconds,
    )
    mailer = None if letters.server is None else letterbox
    notifying = Notifying(NotifyingPorts(watch, mailer, owns, now_ms))
    return Judge(judging, (judging.work, notifying.work))


def rules_by_profile(
    profiles: KnownProfiles,
) -> Callable[[RegistryReader, str], InactivityRules | None]:
    """What profiles say of inactivity."""

    def rules_of(reader: RegistryReader, name: str) -> InactivityRules | None:
        profile = profiles.get(reader, name)
        if profile is None:
            return None
        gone_disables = profile.acknowledgement.gone_disables
        return InactivityRules(profile.inactive_after_ms, gone_disables)

    return rules_of


def _publishing(sides: TableSides) -> Callable[[], Coroutine[Any, Any, None]]:
    async def publish() -> None:
        try:
            await publish_pending(sides)
        except (Unacknowledged, ClusterFailed, StoreFailed) as error:
            log.warning("decisions on endpoints are published later: %s", error)

    return publish
