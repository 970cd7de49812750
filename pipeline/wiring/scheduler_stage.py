"""The scheduler, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.clock import now_ms
from pipeline.stages.scheduler.scheduler import Scheduler, SchedulerPorts
from pipeline.wiring.stage_process import BuiltStage

if TYPE_CHECKING:
    from pipeline.domain.tiers import Tier
    from pipeline.wiring.stage_process import Parts


def build_scheduler(parts: Parts, *, tiers: tuple[Tier, ...]) -> BuiltStage:
    """An intake over the tiers."""
    at = parts.surroundings
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
