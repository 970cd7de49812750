"""What every stage tells of its consume loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.telemetry.instruments import (
    OLDEST_AGE,
    PARTITIONS_HELD,
    PARTITIONS_OWNED,
    PROGRESS_IDLE,
    RECORDS_BEHIND,
    RECORDS_UNFINISHED,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipeline.engine.consume_loop import ConsumeLoop, LoopFacts
    from pipeline.telemetry.setup import Gauge
    from pipeline.telemetry.tally import Fact


def loop_gauges(running: Callable[[], ConsumeLoop | None]) -> Mapping[Fact, Gauge]:
    """All 0 as long as there is none."""

    def gauge(read: Callable[[LoopFacts], float]) -> Gauge:
        def now() -> float:
            loop = running()
            return 0 if loop is None else read(loop.facts())

        return now

    return {
        PARTITIONS_OWNED: gauge(lambda facts: facts.partitions),
        PARTITIONS_HELD: gauge(lambda facts: len(facts.held)),
        RECORDS_UNFINISHED: gauge(lambda facts: facts.unfinished),
        RECORDS_BEHIND: gauge(lambda facts: facts.behind),
        OLDEST_AGE: gauge(lambda facts: facts.oldest_age_seconds),
        PROGRESS_IDLE: gauge(lambda facts: facts.idle_seconds),
    }
