"""Runs jobs: some at a time, in the one process whose turn it is."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from pipeline.ports import LogsUnavailable
from pipeline.stages.jobs.credit import Credit
from pipeline.stages.jobs.job_run import JobRun
from pipeline.stages.jobs.survey import JobImpossible

if TYPE_CHECKING:
    from pipeline.domain.job import Job
    from pipeline.stages.jobs.ports import JobPorts

log = logging.getLogger(__name__)

MOST_AT_ONCE: Final = 8
"""Each holds a reader with what it has fetched."""
LOOK_SECONDS: Final = 0.5
SETTLING_SECONDS: Final = 1.0
"""Between having the turn and beginning: what the last owner has on its way arrives."""
AGAIN_SECONDS: Final = 5.0
"""Between two tries of a job whose logs could not be read."""


class JobRunner:
    """`work` must run as long as the process."""

    def __init__(self, ports: JobPorts) -> None:
        self._ports = ports
        self._credit = Credit()
        self._running: dict[str, asyncio.Task[bool]] = {}
        """Whether it has come to its end."""

    async def work(self) -> None:
        """Run what there is, for ever. Raises what a job of ours has raised."""
        try:
            while True:
                if self._ports.is_mine():
                    await asyncio.sleep(SETTLING_SECONDS)
                    await self._own_turn()
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            await self._stop()

    async def _own_turn(self) -> None:
        loop = asyncio.get_running_loop()
        while self._ports.is_mine():
            for job in self._ports.table.open_jobs():
                if len(self._running) < MOST_AT_ONCE and job.order.id not in self._running:
                    self._running[job.order.id] = loop.create_task(self._run(job))
            await asyncio.sleep(LOOK_SECONDS)
            self._collect()
        await self._stop()

    async def _run(self, job: Job) -> bool:
        """False where it has to be run again."""
        run = JobRun(job, self._ports, self._credit)
        try:
            await run.run()
        except JobImpossible as exc:
            await run.fail(str(exc))
        except LogsUnavailable as exc:
            log.warning("%s waits, and goes on where it was: %s", job.order.id, exc)
            await asyncio.sleep(AGAIN_SECONDS)
            return False
        return True

    def _collect(self) -> None:
        for job_id, task in [*self._running.items()]:
            if task.done() and self._is_told(job_id, task):
                del self._running[job_id]

    def _is_told(self, job_id: str, task: asyncio.Task[bool]) -> bool:
        """Whether the table has what the ended run has said last, so that it is not run twice."""
        if not task.result():
            return True
        job = self._ports.table.job(job_id)
        return job is None or job.progress.status.is_final

    async def _stop(self) -> None:
        running = [*self._running.values()]
        self._running.clear()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
