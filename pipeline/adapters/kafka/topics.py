"""Our topics in a cluster: compared with topics.yaml, made where missing, never deleted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pipeline.adapters.kafka.cluster import (
    BrokerSettingsForbidden,
    Cluster,
    ClusterFailed,
    ClusterLayout,
    TopicToCreate,
)
from pipeline.adapters.kafka.cluster_settings import cluster_warnings
from pipeline.adapters.kafka.topic_differences import (
    Difference,
    FoundTopic,
    Kind,
    differences,
    full_config,
    missing,
    missing_source,
    replication_of,
    undeclared_tier,
    why_fixed,
)
from pipeline.adapters.kafka.topic_file import TopicFile, TopicSpec


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a stage may start on its topics: not with a refusal."""

    refusals: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Applied:
    """What `apply` has done, and what it leaves to people."""

    created: tuple[str, ...]
    altered: tuple[Difference, ...]
    left: tuple[Difference, ...]


class Topics:
    """The topics of topics.yaml in one cluster. Every method blocks and may raise ClusterFailed."""

    def __init__(self, cluster: Cluster, topic_file: TopicFile) -> None:
        self._cluster = cluster
        self._file = topic_file

    def plan(self) -> tuple[Difference, ...]:
        """Everything that is not as topics.yaml says, endpoints' own topics included."""
        layout = self._cluster.layout()
        topology = self._file.topology
        own = sorted(name for name in layout.topics if topology.endpoint_of(name) is not None)
        names = (*self._file.topics, *(source.topic for source in self._file.sources), *own)
        return (*self._compare(names, layout), *self._undeclared(layout))

    def apply(self) -> Applied:
        """Makes what is missing and changes what nothing can be lost by; the rest is left."""
        plan = self.plan()
        created = self.create([found.topic for found in plan if found.kind is Kind.MISSING])
        changes: dict[str, dict[str, str]] = {}
        for found in plan:
            if found.setting is not None and found.new_value is not None:
                changes.setdefault(found.topic, {})[found.setting] = found.new_value
        self._cluster.change_settings(changes)
        left = (f for f in plan if f.new_value is None and f.kind is not Kind.MISSING)
        altered = (f for f in plan if f.new_value is not None)
        return Applied(created, tuple(altered), tuple(left))

    def check(self, topics: Iterable[str]) -> Verdict:
        """Whether a stage may use these topics, and what else somebody should look at."""
        layout = self._cluster.layout()
        refusals: list[str] = []
        warnings: list[str] = []
        for found in (*self._compare(topics, layout), *self._undeclared(layout)):
            is_refused = found.kind in (Kind.MISSING, Kind.BREAKS)
            (refusals if is_refused else warnings).append(found.text)
        return Verdict(tuple(refusals), (*warnings, *self._warnings_for_a_stage()))

    def cluster_warnings(self) -> tuple[str, ...]:
        """What should be changed about the brokers."""
        try:
            return cluster_warnings(self._cluster.broker_settings())
        except ClusterFailed as exc:
            return (f"the brokers' settings are not known; {exc}",)

    def _warnings_for_a_stage(self) -> tuple[str, ...]:
        """`doctor` sees to it where a stage's user need not see the brokers' settings."""
        try:
            return cluster_warnings(self._cluster.broker_settings())
        except BrokerSettingsForbidden:
            return ()
        except ClusterFailed as exc:
            return (f"the brokers' settings are not known: {exc}",)

    def create_delivery_topic(self, endpoint: str) -> str:
        """The endpoint's own topic, ready for use; nothing happens where it is there already."""
        topic = self._file.topology.delivery(endpoint)
        self.create([topic])
        return topic

    def create(self, topics: Sequence[str]) -> tuple[str, ...]:
        """Makes those of our topics that are not there; returns when all of them have leaders.

        Answers which it made. Raises ClusterFailed for one that is none of ours, too.
        """
        layout = self._cluster.layout()
        replication = replication_of(layout.brokers)
        absent = [topic for topic in dict.fromkeys(topics) if topic not in layout.topics]
        specs = [(topic, self._spec_of(topic)) for topic in absent]
        self._cluster.create(
            [
                TopicToCreate(
                    topic, spec.partitions, replication.replicas, full_config(spec, replication)
                )
                for topic, spec in specs
            ]
        )
        self._cluster.wait_for_leaders(topics)
        return tuple(absent)

    def _spec_of(self, topic: str) -> TopicSpec:
        spec = self._file.spec_of(topic)
        if spec is None:
            raise ClusterFailed(f"{topic} is not one of the topics in topics.yaml")
        return spec

    def _compare(self, names: Iterable[str], layout: ClusterLayout) -> Iterator[Difference]:
        ours: dict[str, TopicSpec] = {}
        for name in dict.fromkeys(names):
            spec = self._file.spec_of(name)
            if name not in layout.topics:
                yield missing_source(name) if spec is None else missing(name)
            elif spec is not None:
                ours[name] = spec
        settings = self._cluster.topic_settings(list(ours))
        for name, spec in ours.items():
            there = layout.topics[name]
            found = FoundTopic(there.partitions, there.replicas, settings[name])
            replication = replication_of(layout.brokers)
            fixed = why_fixed(self._file.topology, name)
            yield from differences(name, spec, found=found, replication=replication, fixed=fixed)

    def _undeclared(self, layout: ClusterLayout) -> Iterator[Difference]:
        for name in sorted(layout.topics):
            tier = self._file.topology.tier_of(name)
            if tier is not None and name not in self._file.topics:
                yield undeclared_tier(name, tier)
