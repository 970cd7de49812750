"""Puts together what is measured: the pipeline, and the bare loop beside it."""

from __future__ import annotations

import uuid
from collections.abc import Generator
from contextlib import contextmanager

from benchmarks.bare_loop import GROUP
from benchmarks.catching_up import Groups
from benchmarks.children import Child, ending
from benchmarks.endpoint_layouts import EndpointLayout
from benchmarks.events import EventFormat, SourceRecord, event_data, event_encoder, source_record
from benchmarks.receiving import running_receiver
from benchmarks.rig import Rig
from benchmarks.running_broker import running_broker
from benchmarks.running_pipeline import running_pipeline
from pipeline.adapters.kafka.cluster import Cluster, TopicToCreate
from pipeline.adapters.kafka.codec import RecordCodec
from pipeline.adapters.kafka.schema_files import load_schemas
from pipeline.resources import SCHEMAS_DIR

FAST_RECEIVER = "benchmarks.followed_receiver"
TIMED_RECEIVER = "benchmarks.timed_receiver"
BROKER = "broker"
_BARE_PARTITIONS = 4


@contextmanager
def pipeline_rig(
    name: str,
    layout: EndpointLayout,
    *,
    event_format: EventFormat,
    receiver_module: str = FAST_RECEIVER,
) -> Generator[Rig]:
    """The pipeline on a fresh broker, one process of each stage. Raises BenchmarkFailed."""
    encode = event_encoder(event_format, RecordCodec(load_schemas(SCHEMAS_DIR)))
    run = uuid.uuid4().hex[:8]

    def record(number: int) -> SourceRecord:
        return source_record(number, layout.account(number), run, encode)

    with (
        running_broker() as broker,
        running_receiver(receiver_module, broker.folder) as receiver,
        running_pipeline(broker, layout, port=receiver.port) as pipeline,
    ):
        yield Rig(
            name=name,
            servers=broker.servers,
            source_topic=pipeline.topology.events,
            record=record,
            fan_out=layout.fan_out,
            receiver=receiver,
            counted={BROKER: broker.pid, **{stage.name: stage.pid for stage in pipeline.stages}},
            children=(receiver.child, *pipeline.stages),
            has_caught_up=pipeline.groups.have_caught_up,
        )


@contextmanager
def bare_rig(name: str) -> Generator[Rig]:
    """The bare loop on a fresh broker. Raises BenchmarkFailed."""
    settings = {"message.timestamp.type": "LogAppendTime"}

    def record(number: int) -> SourceRecord:
        return SourceRecord(b"%d" % number, event_data(number))

    with (
        running_broker() as broker,
        running_receiver(FAST_RECEIVER, broker.folder) as receiver,
    ):
        Cluster({"bootstrap.servers": broker.servers}).create(
            [TopicToCreate(topic, _BARE_PARTITIONS, 1, settings) for topic in ("source", "notes")]
        )
        words = ("--servers", broker.servers, "--source", "source", "--notes", "notes")
        url = f"http://127.0.0.1:{receiver.port}/"
        loop = Child("loop", ("benchmarks.bare_loop", *words, "--url", url), broker.folder, {})
        groups = Groups(broker.servers, {GROUP: ["source"]})
        with ending([loop]):
            yield Rig(
                name=name,
                servers=broker.servers,
                source_topic="source",
                record=record,
                fan_out=1,
                receiver=receiver,
                counted={BROKER: broker.pid, loop.name: loop.pid},
                children=(receiver.child, loop),
                has_caught_up=groups.have_caught_up,
            )
