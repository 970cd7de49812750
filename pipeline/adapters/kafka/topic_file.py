"""topics.yaml: what our topics must be like, where events come from, and what waits where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Final

from pipeline.adapters.kafka.attribute_mapping import AttributeMapping
from pipeline.adapters.kafka.event_mapping import EventMapping
from pipeline.adapters.kafka.event_mapping_document import attribute_mapping, event_mapping
from pipeline.adapters.kafka.located_yaml import LocatedYaml, UnreadableYaml, read_yaml
from pipeline.adapters.kafka.source_formats import SourceFormat, SourceReading
from pipeline.adapters.kafka.topic_config import UNLIMITED, config_of
from pipeline.domain.document import DocumentError, Fields, nearest, positive_of, text_of
from pipeline.domain.durations import InvalidDuration
from pipeline.domain.rfc3339 import InvalidTime, time_us_of
from pipeline.domain.tiers import InvalidTiers, Tier, tiers_named
from pipeline.domain.topology import Topology

_TABLES: Final = ("accounts", "profiles", "endpoints", "relations", "positions")
_COMPACTED: Final = (*_TABLES, "jobs", "interventions")
_WAITING: Final = ("shared-delivery",)
_NAMES: Final = ("events", *_WAITING, "dead-letter", "attempts", *_COMPACTED)
_MAX_PARTITIONS: Final = 1000
_MAX_DEDICATED: Final = 4000
"""Beyond this a record costs more to produce than to send."""
_US_PER_MS: Final = 1000


class TopicFileError(Exception):
    """topics.yaml cannot be used; the text says where, why and what to write."""


class SourceStart(StrEnum):
    """Where the router begins with a topic that it has never read."""

    LATEST = "latest"
    EARLIEST = "earliest"


@dataclass(frozen=True, slots=True)
class Source:
    """A topic that events come from, by its full name."""

    topic: str
    format: SourceFormat
    start: SourceStart | int
    """Milliseconds since 1970 where it is a time."""
    mapping: EventMapping | AttributeMapping | None = None
    """Where the members of its events come from; None: its records say so themselves."""
    place: str = field(default="", compare=False)
    """`<file>:<line>`, for messages."""


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """What a topic must be like. Replicas are as many as the cluster can have."""

    partitions: int
    config: Mapping[str, str]
    """Kafka's names and values."""


@dataclass(frozen=True, slots=True)
class TopicFile:
    """topics.yaml under one prefix."""

    topology: Topology
    sources: tuple[Source, ...]
    dedicated_limit: int
    tiers: tuple[Tier, ...]
    topics: Mapping[str, TopicSpec]
    """All but endpoints' own, by full name."""
    delivery: TopicSpec
    """Of each endpoint's own topic."""

    @property
    def readings(self) -> Mapping[str, SourceReading]:
        """How the records of each source are read."""
        return {each.topic: SourceReading(each.format, each.mapping) for each in self.sources}

    def spec_of(self, topic: str) -> TopicSpec | None:
        """What a topic must be like, or None where it is not one of ours."""
        spec = self.topics.get(topic)
        if spec is None and self.topology.endpoint_of(topic) is not None:
            return self.delivery
        return spec


def read_topic_file(path: Path, topology: Topology) -> TopicFile:
    """The topics of a file.

    Raises:
        TopicFileError: it cannot be read, or something in it cannot hold; the text has its line.
    """
    try:
        document = read_yaml(path)
    except UnreadableYaml as exc:
        raise TopicFileError(str(exc)) from exc
    try:
        file = _topic_file_of(document.value, topology)
    except DocumentError as exc:
        raise TopicFileError(f"{path}:{document.line_of(exc.pointer)}: {exc}") from exc
    return replace(file, sources=_placed(file.sources, document, path))


def _placed(sources: tuple[Source, ...], document: LocatedYaml, path: Path) -> tuple[Source, ...]:
    return tuple(
        replace(source, place=f"{path}:{document.line_of(f'/sources/{index}')}")
        for index, source in enumerate(sources)
    )


def _topic_file_of(value: object, topology: Topology) -> TopicFile:
    root = Fields(value, "", known=("sources", "defaults", "delivery", "retry", "topics"))
    defaults = Fields(root.members("defaults"), root.at("defaults"), known=("config",))
    common = config_of(defaults.members("config"), defaults.at("config"))
    delivery = Fields(
        root.value("delivery"), root.at("delivery"), known=("dedicated_limit", "topic")
    )
    delivery_spec = _waiting(_spec_of(delivery, "topic", common), delivery.at("topic"))
    retry = Fields(root.value("retry"), root.at("retry"), known=("tiers", "topic"))
    tiers = _tiers_of(retry)
    tier_spec = _waiting(_spec_of(retry, "topic", common), retry.at("topic"))
    topics = Fields(root.value("topics"), root.at("topics"), known=_NAMES)
    specs = {topology.named(name): _named_spec(topics, name, common) for name in _NAMES}
    return TopicFile(
        topology=topology,
        sources=_sources_of(root, topology),
        dedicated_limit=_limit_of(delivery),
        tiers=tiers,
        topics=specs | {topology.retry(tier.name): tier_spec for tier in tiers},
        delivery=delivery_spec,
    )


def _spec_of(parent: Fields, name: str, common: Mapping[str, str]) -> TopicSpec:
    fields = Fields(parent.value(name), parent.at(name), known=("partitions", "config"))
    partitions = positive_of(fields.value("partitions"), fields.at("partitions"))
    if partitions > _MAX_PARTITIONS:
        raise DocumentError(fields.at("partitions"), f"at most {_MAX_PARTITIONS}")
    config = {**common, **config_of(fields.members("config"), fields.at("config"))}
    if config.get("message.timestamp.type") != "LogAppendTime":
        raise DocumentError(
            fields.at("config"),
            "message.timestamp.type must be LogAppendTime: delays and retention count from it",
        )
    return TopicSpec(partitions, config)


def _named_spec(topics: Fields, name: str, common: Mapping[str, str]) -> TopicSpec:
    spec, pointer = _spec_of(topics, name, common), topics.at(name)
    if name in _WAITING:
        return _waiting(spec, pointer)
    wanted = "compact" if name in _COMPACTED else "delete"
    if spec.config.get("cleanup.policy") != wanted:
        raise DocumentError(pointer, f"cleanup.policy must be {wanted}")
    if name in _COMPACTED and spec.partitions != 1:
        raise DocumentError(
            pointer, "partitions must be 1: the offset is the version of what is said"
        )
    return spec


def _waiting(spec: TopicSpec, pointer: str) -> TopicSpec:
    """What is not delivered yet must never be deleted for its age or its size."""
    for name, value in (
        ("cleanup.policy", "delete"),
        ("retention.ms", UNLIMITED),
        ("retention.bytes", UNLIMITED),
    ):
        if spec.config.get(name) != value:
            shown = "unlimited" if value == UNLIMITED else value
            raise DocumentError(
                pointer, f"{name} must be {shown}: what waits here is not delivered yet"
            )
    return spec


def _limit_of(delivery: Fields) -> int:
    limit = delivery.whole("dedicated_limit")
    if not 0 <= limit <= _MAX_DEDICATED:
        raise DocumentError(delivery.at("dedicated_limit"), f"{limit}: give 0 to {_MAX_DEDICATED}")
    return limit


def _tiers_of(retry: Fields) -> tuple[Tier, ...]:
    try:
        return tiers_named(retry.texts("tiers"))
    except (InvalidTiers, InvalidDuration) as exc:
        raise DocumentError(retry.at("tiers"), str(exc)) from exc


def _sources_of(root: Fields, topology: Topology) -> tuple[Source, ...]:
    sources: list[Source] = []
    for item, pointer in root.items("sources"):
        fields = Fields(item, pointer, known=("topic", "format", "start", "event"))
        start = fields.optional("start", _start_of)
        form = fields.choice("format", SourceFormat.AUTO)
        is_cloud_events = form is SourceFormat.CLOUDEVENTS
        source = Source(
            _source_topic(fields, topology),
            form,
            SourceStart.LATEST if start is None else start,
            fields.optional("event", attribute_mapping if is_cloud_events else event_mapping),
        )
        if source.mapping is not None and source.format is SourceFormat.AVRO:
            raise DocumentError(
                fields.at("event"), f"{source.format} says itself what its events are: leave it out"
            )
        if any(source.topic == other.topic for other in sources):
            raise DocumentError(fields.at("topic"), f"{source.topic} is a source already")
        sources.append(source)
    if not sources:
        raise DocumentError(root.at("sources"), "missing: name a topic that events come from")
    return tuple(sources)


def _source_topic(fields: Fields, topology: Topology) -> str:
    name = fields.text("topic")
    topic = topology.events if name == "events" else name
    inner = topic.removeprefix(topology.prefix)
    if topic != topology.events and (
        name in _NAMES or inner in _NAMES or _is_inner(topic, topology)
    ):
        raise DocumentError(
            fields.at("topic"), f"{name} is the pipeline's own: {nearest(name, ['events'])}"
        )
    return topic


def _is_inner(topic: str, topology: Topology) -> bool:
    return topology.endpoint_of(topic) is not None or topology.tier_of(topic) is not None


def _start_of(value: object, pointer: str) -> SourceStart | int:
    # YAML makes dates of what looks like them.
    text = value.isoformat() if isinstance(value, date) else text_of(value, pointer)
    if text in (SourceStart.LATEST, SourceStart.EARLIEST):
        return SourceStart(text)
    try:
        return time_us_of(text) // _US_PER_MS
    except InvalidTime as exc:
        raise DocumentError(pointer, f"{text!r}: latest, earliest or a time: {exc}") from exc
