"""The API's log of deliveries, put together: what became of them, what was sent, and once more."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from fastapi import APIRouter

from pipeline.adapters.kafka.codec import RecordCodec
from pipeline.adapters.kafka.record_log import KafkaRecordLog
from pipeline.adapters.kafka.topic_file import TopicFile
from pipeline.adapters.kafka.waiting_log import KafkaWaitingLog
from pipeline.api import (
    dead_letters,
    deliveries,
    delivery_contents,
    event_history,
    interventions,
    present_state,
    statistics,
    trigger_again,
    waiting,
)
from pipeline.api.action_notes import ActionNotes
from pipeline.api.deliveries import SeenLog
from pipeline.api.event_history import HistoryPorts
from pipeline.api.interventions import InterventionPorts
from pipeline.api.present_state import PresentPorts
from pipeline.api.receiving import Receiving
from pipeline.api.repetition import Repetition
from pipeline.api.sent_requests import RecordReading, SentRequests
from pipeline.api.statistics import StatisticsPorts
from pipeline.api.trigger_again import TriggerPorts
from pipeline.api.waiting import WaitingPorts
from pipeline.wiring.connection import Connection
from pipeline.wiring.registry_store import RegistryStore


@dataclass(frozen=True, slots=True)
class LogSurroundings:
    """What the API's process has."""

    connection: Connection
    codec: RecordCodec
    store: RegistryStore
    receiving: Receiving
    archived_after_ms: int
    topic_file: TopicFile
    now_ms: Callable[[], int]
    random_bytes: Callable[[int], bytes]


def log_routers(at: LogSurroundings, closing: AsyncExitStack) -> list[APIRouter]:
    """Every resource of the log."""
    kafka = KafkaRecordLog(at.connection)
    closing.callback(kafka.close)
    records = RecordReading(kafka)
    closing.callback(records.close)
    log = SeenLog(at.store.log, at.archived_after_ms, at.now_ms)
    sent = SentRequests(
        log,
        records,
        decode_delivery=at.codec.decode_delivery,
        decode_dead_letter=at.codec.decode_dead_letter,
    )
    repetition = Repetition(at.store.registry, now_ms=at.now_ms)
    waits = _waiting_ports(at)
    notes = ActionNotes(at.store.registry)
    return [
        deliveries.router(log),
        delivery_contents.router(log, sent),
        trigger_again.router(
            TriggerPorts(log, sent, at.receiving, repetition, notes, random_bytes=at.random_bytes)
        ),
        interventions.router(
            InterventionPorts(
                log,
                sent,
                at.receiving,
                waits,
                notes,
                at.codec.encode_intervention,
                at.topic_file.topology.interventions,
            )
        ),
        waiting.router(waits),
        dead_letters.router(at.store.log),
        statistics.router(StatisticsPorts(at.store.log, at.store.registry, at.now_ms)),
        present_state.router(PresentPorts(at.store.recent, at.now_ms)),
        event_history.router(
            HistoryPorts(log, sent, records, at.receiving.tables, at.codec.decode_event)
        ),
    ]


def _waiting_ports(at: LogSurroundings) -> WaitingPorts:
    topology = at.topic_file.topology
    log = KafkaWaitingLog(
        at.connection,
        tiers=topology.retries([tier.name for tier in at.topic_file.tiers]),
        senders=f"{topology.prefix}sender",
        schedulers=f"{topology.prefix}scheduler",
        decode=at.codec.decode_delivery,
    )
    return WaitingPorts(at.store.registry, log, at.receiving.tables)
