"""The scheduler, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.adapters.kafka.log_deletion import KafkaLogs
from pipeline.adapters.kafka.start_positions import GroupStarts
from pipeline.clock import now_ms
from pipeline.flow import Partition
from pipeline.stages.scheduler.janitor import Janitor, JanitorPorts, kinds
from pipeline.stages.scheduler.scheduler import Scheduler, SchedulerPorts
from pipeline.stages.scheduler.tracing import PassingTraces
from pipeline.wiring.job_running import opened_jobs
from pipeline.wiring.live_tables import INTERVENTIONS, ROUTING_TABLES
from pipeline.wiring.stage_process import BuiltStage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.adapters.kafka.topic_file import TopicFile
    from pipeline.ports import StartPositions
    from pipeline.wiring.stage_process import Opening, Parts


class SchedulerStage:
    """Implements `StageDefinition`."""

    tables = (*ROUTING_TABLES, INTERVENTIONS)
    """Replays route as the router does."""

    async def build(self, parts: Parts) -> BuiltStage:
        at = parts.surroundings
        tiers = at.topic_file.tiers
        tier_topics = {at.topology.retry(tier.name): tier for tier in tiers}
        scheduler = Scheduler(
            parts.loop,
            SchedulerPorts(
                outlet=parts.outlet,
                records=at.codec,
                directory=parts.tables.directory,
                interventions=parts.tables.interventions,
                dead=parts.dead,
                tally=parts.tally,
                now_ms=now_ms,
                tiers=tiers,
                tier_topics=tier_topics,
                tracing=PassingTraces(parts.spans, group=at.group),
            ),
        )
        turn = Partition(next(iter(tier_topics)), 0)
        janitor = Janitor(self._janitor_ports(parts, tuple(tier_topics)))
        jobs = await opened_jobs(parts, is_mine=lambda: parts.loop.owns(turn))
        return BuiltStage(
            scheduler,
            lambda: tuple(tier_topics),
            (scheduler.work, janitor.work, jobs.runner.work, jobs.forgetting.work),
        )

    def _janitor_ports(self, parts: Parts, tier_topics: Sequence[str]) -> JanitorPorts:
        at = parts.surroundings
        file, directory = at.topic_file, parts.tables.directory
        turn = Partition(tier_topics[0], 0)

        def deliveries() -> dict[str, int]:
            own = {each.topic: file.delivery.partitions for each in directory.endpoints()}
            return own | {
                at.topology.shared_delivery: _partitions(file, at.topology.shared_delivery)
            }

        return JanitorPorts(
            logs=KafkaLogs(at.connection),
            is_mine=lambda: parts.loop.owns(turn),
            kinds=kinds(
                at.settings.kafka.topic_prefix,
                tiers={topic: _partitions(file, topic) for topic in tier_topics},
                deliveries=deliveries,
                kept_ms=at.settings.archive.after_ms,
            ),
            tally=parts.tally,
            now_ms=now_ms,
            round_seconds=at.settings.stage.janitor_seconds,
        )

    def starts(self, opening: Opening) -> StartPositions:
        source = opening.source
        return GroupStarts(source, opening.memory, first_offset=source.first_offset)


def _partitions(file: TopicFile, topic: str) -> int:
    return file.topics[topic].partitions
