"""The scheduler, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.adapters.kafka.start_positions import GroupStarts
from pipeline.clock import now_ms
from pipeline.stages.scheduler.scheduler import Scheduler, SchedulerPorts
from pipeline.wiring.stage_process import BuiltStage

if TYPE_CHECKING:
    from pipeline.ports import StartPositions
    from pipeline.wiring.stage_process import Opening, Parts


class SchedulerStage:
    """Implements `StageDefinition`."""

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
                dead=parts.dead,
                tally=parts.tally,
                now_ms=now_ms,
                tiers=tiers,
                tier_topics=tier_topics,
            ),
        )
        return BuiltStage(scheduler, lambda: tuple(tier_topics), (scheduler.work,))

    def starts(self, opening: Opening) -> StartPositions:
        source = opening.source
        return GroupStarts(source, opening.memory, first_offset=source.first_offset)
