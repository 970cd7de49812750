"""The API's replays and redrives, put together."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AsyncExitStack

from fastapi import APIRouter

from pipeline.api import redrives, replays
from pipeline.api.job_ports import JobPorts
from pipeline.clock import now_ms
from pipeline.registry import Registry
from pipeline.wiring.event_ingest import EventIngest
from pipeline.wiring.job_following import FollowedJobs
from pipeline.wiring.stage_process import Surroundings


async def job_routers(
    process: Surroundings,
    ingest: EventIngest,
    registry: Registry,
    *,
    fail: Callable[[BaseException], None],
    closing: AsyncExitStack,
) -> list[APIRouter]:
    """Return when the jobs are in memory."""
    topic = process.topology.jobs
    jobs = FollowedJobs(process.connection, process.codec, topic=topic)
    await jobs.follow(fail, closing)
    ports = JobPorts(
        registry=registry,
        jobs=jobs.table,
        event_log=ingest.event_log,
        encode_job=process.codec.encode_job,
        topic=topic,
        now_ms=now_ms,
        random_bytes=os.urandom,
    )
    return [replays.router(ports), redrives.router(ports)]
