"""Puts together what is measured: the pipeline, and the bare loop beside it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from benchmarks.bare_loop import GROUP
from benchmarks.catching_up import Groups
from benchmarks.children import Child, ending
from benchmarks.events import (
    KIB,
    DataTemplate,
    EventFormat,
    SourceRecord,
    event_encoder,
    source_record,
)
from benchmarks.receiving import FAST, ReceiverPlan, running_receiver
from benchmarks.rig import Load, Rig, children_by_name
from benchmarks.running_broker import running_broker
from benchmarks.running_pipeline import PipelinePlan, running_pipeline
from pipeline.adapters.kafka.cluster import Cluster, TopicToCreate
from pipeline.adapters.kafka.codec import RecordCodec
from pipeline.adapters.kafka.schema_files import load_schemas
from pipeline.resources import SCHEMAS_DIR

BROKER: Final = "broker"
_BARE_PARTITIONS: Final = 4


def _as_numbered(number: int) -> int:
    return number


@dataclass(frozen=True, slots=True)
class RigPlan:
    """What runs, what is published and who receives it."""

    pipeline: PipelinePlan
    event_format: EventFormat = EventFormat.JSON
    data_bytes: int = KIB
    receiver: ReceiverPlan = FAST
    attempts_each: int = 1
    account_number: Callable[[int], int] = _as_numbered
    """Whose an event is, by its number; counted modulo the accounts."""


@contextmanager
def pipeline_rig(name: str, plan: RigPlan) -> Generator[Rig]:
    """The pipeline on a fresh broker. Raises BenchmarkFailed."""
    with (
        running_broker() as broker,
        running_receiver(plan.receiver, broker.folder) as receiver,
        running_pipeline(broker, plan.pipeline, receiver) as pipeline,
    ):
        yield Rig(
            name=name,
            servers=broker.servers,
            load=load_of(plan, pipeline.topology.events),
            receiver=receiver,
            processes={BROKER: (broker.pid,), **children_by_name(pipeline.stages)},
            children=(receiver.child, *pipeline.stages),
            behind=pipeline.groups.behind,
            log_bytes=broker.log_bytes,
            deferred=pipeline.deferred,
            topology=pipeline.topology,
        )


def load_of(plan: RigPlan, topic: str) -> Load:
    """What is published by a plan."""
    encode = event_encoder(plan.event_format, RecordCodec(load_schemas(SCHEMAS_DIR)))
    event_data, run = DataTemplate(plan.data_bytes), uuid.uuid4().hex[:8]
    layout = plan.pipeline.layout

    def record(number: int) -> SourceRecord:
        account = layout.account(plan.account_number(number))
        return source_record(number, account, run=run, event_data=event_data, encode=encode)

    return Load(topic, record, plan.data_bytes, layout.fan_out, plan.attempts_each)


@contextmanager
def bare_rig(name: str) -> Generator[Rig]:
    """The bare loop on a fresh broker. Raises BenchmarkFailed."""
    settings = {"message.timestamp.type": "LogAppendTime"}
    event_data = DataTemplate(KIB)

    def record(number: int) -> SourceRecord:
        return SourceRecord(b"%d" % number, event_data(number))

    with (
        running_broker() as broker,
        running_receiver(FAST, broker.folder) as receiver,
    ):
        Cluster({"bootstrap.servers": broker.servers}).create(
            [TopicToCreate(topic, _BARE_PARTITIONS, 1, settings) for topic in ("source", "notes")]
        )
        words = ("--servers", broker.servers, "--source", "source", "--notes", "notes")
        url = f"{receiver.address}/"
        loop = Child("loop", ("benchmarks.bare_loop", *words, "--url", url), broker.folder, {})
        groups = Groups(broker.servers, {GROUP: ["source"]})
        with ending([loop]):
            yield Rig(
                name=name,
                servers=broker.servers,
                load=Load("source", record, KIB, fan_out=1),
                receiver=receiver,
                processes={BROKER: (broker.pid,), loop.name: (loop.pid,)},
                children=(receiver.child, loop),
                behind=groups.behind,
                log_bytes=broker.log_bytes,
                deferred=lambda: 0,
                topology=None,
            )
