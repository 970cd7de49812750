"""How topics in a cluster differ from what topics.yaml says, and what follows. No client here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pipeline.adapters.kafka.topic_file import TopicSpec
from pipeline.domain.durations import MAX_DURATION_MS, format_duration
from pipeline.domain.topology import Topology

_MAX_REPLICAS: Final = 3
_BROKERS_FOR_TWO_IN_SYNC: Final = 3
_IN_SYNC: Final = "min.insync.replicas"
# A stage that went on with one of these would lose records, their order or their time.
_BREAKING: Final = frozenset(
    (
        "cleanup.policy",
        "message.timestamp.type",
        _IN_SYNC,
        "unclean.leader.election.enable",
    )
)
_KEEPING: Final = ("retention.ms", "retention.bytes")
# What these have beyond topics.yaml may be in use already: records that are kept, or that large.
_NEVER_SHRUNK: Final = frozenset(
    (*_KEEPING, "delete.retention.ms", "max.message.bytes", "min.compaction.lag.ms", _IN_SYNC)
)
_UNLIMITED: Final = -1
_KIB: Final = 1024


class Kind(StrEnum):
    """What a difference means."""

    MISSING = "missing"
    BREAKS = "breaks"
    """A stage that uses the topic must not start."""
    DIFFERS = "differs"
    UNDECLARED = "undeclared"
    """It looks like one of ours and topics.yaml does not name it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing about one topic; `text` says what it is, what it should be and what to do."""

    topic: str
    kind: Kind
    text: str
    setting: str | None = None
    new_value: str | None = None
    """What `apply` may set it to; None: it leaves this alone."""


@dataclass(frozen=True, slots=True)
class Replication:
    """How many brokers keep each record, and how many must before it is acknowledged."""

    replicas: int
    in_sync: int


@dataclass(frozen=True, slots=True)
class FoundTopic:
    """A topic as it is."""

    partitions: int
    replicas: int
    """Of the partition that has the fewest."""
    config: Mapping[str, str]


def replication_of(brokers: int) -> Replication:
    """Three replicas, or as many as there are brokers; two in sync from three brokers on."""
    in_sync = 2 if brokers >= _BROKERS_FOR_TWO_IN_SYNC else 1
    return Replication(max(1, min(_MAX_REPLICAS, brokers)), in_sync)


def full_config(spec: TopicSpec, replication: Replication) -> dict[str, str]:
    """All settings of a topic that is made now."""
    return {_IN_SYNC: str(replication.in_sync), **spec.config}


def missing(topic: str) -> Difference:
    return Difference(topic, Kind.MISSING, f"{topic} is missing: run pipeline topics apply")


def missing_source(topic: str) -> Difference:
    """A source that is not ours, so that `apply` does not make it."""
    text = f"the source {topic} is missing: create it, or take it out of sources in topics.yaml"
    return Difference(topic, Kind.BREAKS, text)


def undeclared_tier(topic: str, tier: str) -> Difference:
    text = (
        f"{topic} is a tier that topics.yaml does not name: what waits in it is never sent; "
        f"name {tier} in retry.tiers until it is empty"
    )
    return Difference(topic, Kind.UNDECLARED, text)


def why_fixed(topology: Topology, topic: str) -> str | None:
    """Why a topic keeps its number of partitions for life; None: it may get more of them."""
    if topic in (*topology.tables, topology.positions, topology.jobs, topology.interventions):
        return "one partition orders all that is said"
    if topic == topology.shared_delivery or topology.endpoint_of(topic) is not None:
        return "an endpoint stays on its partition, where one process has all that waits for it"
    return None


def differences(
    topic: str,
    spec: TopicSpec,
    *,
    found: FoundTopic,
    replication: Replication,
    fixed: str | None = None,
) -> Iterator[Difference]:
    """How a topic that is there differs from its spec; `fixed` is what `why_fixed` says of it."""
    if found.partitions != spec.partitions:
        yield _other_partitions(topic, spec, found, fixed)
    if found.replicas < replication.replicas:
        text = (
            f"{topic} has {found.replicas} of {replication.replicas} replicas: it does not survive "
            "the loss of a broker; add some with kafka-reassign-partitions"
        )
        yield Difference(topic, Kind.DIFFERS, text, "replicas")
    for setting, wanted in full_config(spec, replication).items():
        if setting == _IN_SYNC and wanted != "1" and found.replicas <= int(wanted):
            continue  # nothing could be written any more while a broker is away
        if found.config.get(setting) != wanted:
            yield _setting_differs(topic, setting, wanted=wanted, found=found.config.get(setting))


def _other_partitions(
    topic: str, spec: TopicSpec, found: FoundTopic, fixed: str | None
) -> Difference:
    text = f"{topic} has {_partitions(found.partitions)}, topics.yaml says {spec.partitions}: "
    if fixed is not None:
        text += (
            f"the number is fixed for life ({fixed}); write {found.partitions} in topics.yaml, or"
            " delete the topic if it is empty and run pipeline topics apply"
        )
        return Difference(topic, Kind.BREAKS, text, "partitions")
    if found.partitions < spec.partitions:
        text += (
            "it may grow while everything runs: kafka-topics.sh --alter --topic"
            f" {topic} --partitions {spec.partitions}; records with one key may then lie in"
            " another partition than older ones, and overtake them"
        )
    else:
        text += f"Kafka takes no partition away; write {found.partitions} in topics.yaml"
    return Difference(topic, Kind.DIFFERS, text, "partitions")


def _setting_differs(topic: str, setting: str, *, wanted: str, found: str | None) -> Difference:
    grows = found is None or _size(setting, wanted) > _size(setting, found)
    can_change = setting != "cleanup.policy" and (grows or setting not in _NEVER_SHRUNK)
    loses = setting in _KEEPING and wanted == str(_UNLIMITED)
    breaks = (setting in _BREAKING and (grows or setting != _IN_SYNC)) or loses
    remedy = (
        "run pipeline topics apply"
        if can_change
        else "change topics.yaml, or the topic with kafka-configs: apply leaves it alone"
    )
    text = f"{topic} has {setting} {_shown(setting, found)} instead of {_shown(setting, wanted)}"
    return Difference(
        topic,
        Kind.BREAKS if breaks else Kind.DIFFERS,
        f"{text}: {remedy}",
        setting,
        wanted if can_change else None,
    )


def _size(setting: str, value: str) -> float:
    """Larger is more; 0 for what is no number."""
    try:
        number = float(value)
    except ValueError:
        return 0
    return float("inf") if number == _UNLIMITED and setting in _KEEPING else number


def _shown(setting: str, value: str | None) -> str:
    if value is None:
        return "unknown"
    if not value.lstrip("-").isdigit():
        return value
    number = int(value)
    if setting in _KEEPING and number == _UNLIMITED:
        return "unlimited"
    if setting.endswith(".ms") and 0 <= number <= MAX_DURATION_MS:
        return format_duration(number)
    return _shown_bytes(number) if setting.endswith(".bytes") else value


def _shown_bytes(size_bytes: int) -> str:
    for unit in ("B", "KiB", "MiB"):
        if size_bytes % _KIB or not size_bytes:
            return f"{size_bytes}{unit}"
        size_bytes //= _KIB
    return f"{size_bytes}GiB"


def _partitions(count: int) -> str:
    return "1 partition" if count == 1 else f"{count} partitions"
