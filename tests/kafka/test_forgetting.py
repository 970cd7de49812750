"""Jobs that ended long ago, and old interventions, leave their topics and everybody's memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from pipeline.adapters.kafka.placing import KafkaPlacing
from pipeline.clock import now_ms
from pipeline.domain.interventions import EVERY_ATTEMPT, Intervention, Kind
from pipeline.domain.job import (
    JobKind,
    JobOrder,
    JobProgress,
    JobRecord,
    JobStatus,
    order_record,
    progress_record,
)
from pipeline.domain.profile_table import Profiles
from pipeline.flow import Emit
from pipeline.stages.scheduler.forgetting import Forgetting, ForgettingPorts, Forgotten
from pipeline.wiring.job_following import FollowedJobs
from pipeline.wiring.live_tables import INTERVENTIONS, LiveTables
from pipeline.wiring.table_following import follow_tables
from pipeline.wiring.table_reading import read_newest
from tests.kafka_broker import SessionBroker
from tests.running_pipeline import RunningPipeline, eventually, running_pipeline

DAY_MS = 86_400_000


class Rig:
    """One pipeline's tables, and who forgets what is old in them."""

    def __init__(self, pipeline: RunningPipeline, placing: KafkaPlacing) -> None:
        self.pipeline = pipeline
        self.placing = placing
        codec, topology = pipeline.codec, pipeline.topology
        self.jobs = FollowedJobs(pipeline.connection, codec, topic=topology.jobs)
        self.tables = LiveTables(codec, topology, profiles=Profiles({}), names=(INTERVENTIONS,))
        self.later_ms = 0

    def forgetting(self) -> Forgetting:
        topology = self.pipeline.topology
        asked = self.tables.interventions
        return Forgetting(
            ForgettingPorts(
                tables=(
                    Forgotten(topology.jobs, self.jobs.table.ended_before, DAY_MS),
                    Forgotten(topology.interventions, asked.older_than, DAY_MS),
                ),
                take_back=self.placing.take_back,
                is_mine=lambda: True,
                now_ms=lambda: now_ms() + self.later_ms,
                round_seconds=0.01,
            )
        )

    async def tell(self, record: JobRecord) -> None:
        pipeline = self.pipeline
        value = pipeline.codec.encode_job(record)
        await self.placing.place(Emit(pipeline.topology.jobs, value, record.key))


@asynccontextmanager
async def rigged(broker: SessionBroker, folder: Path) -> AsyncGenerator[Rig]:
    failures: list[BaseException] = []
    async with AsyncExitStack() as closing:
        pipeline = closing.enter_context(running_pipeline(broker.bootstrap_servers, folder))
        placing = KafkaPlacing(pipeline.connection, on_failed=failures.append)
        closing.push_async_callback(placing.close, wait_seconds=5.0)
        rig = Rig(pipeline, placing)
        await rig.jobs.follow(failures.append, closing)
        await follow_tables(
            rig.tables, pipeline.connection, on_failed=failures.append, closing=closing
        )
        yield rig
    assert failures == []


async def until(is_so: Callable[[], bool]) -> None:
    await asyncio.to_thread(eventually, is_so)


async def test_what_ended_long_ago_is_taken_back_and_what_is_open_stays(
    broker: SessionBroker, tmp_path: Path
):
    async with rigged(broker, tmp_path) as rig:
        table, asked = rig.jobs.table, rig.tables.interventions
        for job_id, status in (("rpl_done", JobStatus.DONE), ("rpl_open", JobStatus.RUNNING)):
            await rig.tell(order_record(JobOrder(job_id, JobKind.REPLAY, 1)))
            await rig.tell(progress_record(job_id, JobProgress(status)))
        drop = Intervention("dlv_1", "e-1", Kind.DROP, EVERY_ATTEMPT)
        value = rig.pipeline.codec.encode_intervention(drop)
        await rig.placing.place(Emit(rig.pipeline.topology.interventions, value, drop.key))
        await until(lambda: len(table.jobs()) == 2 and asked.is_dropped("dlv_1"))
        await rig.forgetting().forget()
        assert len(table.jobs()) == 2, "they are young"
        rig.later_ms = 2 * DAY_MS
        await rig.forgetting().forget()
        await until(lambda: table.job("rpl_done") is None and not asked.is_dropped("dlv_1"))
        assert [job.order.id for job in table.jobs()] == ["rpl_open"]
        newest = await read_newest(rig.pipeline.connection, (rig.pipeline.topology.jobs,))
        there = {record.key for record in newest if record.value is not None}
        assert there == {b"rpl_open", b"rpl_open/progress"}
