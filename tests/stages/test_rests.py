"""Jobs rest one after the other, so that all of them together work a part of the time."""

from __future__ import annotations

import asyncio

from pipeline.stages.jobs.rests import LONGEST_SECONDS, RESTS, STINT_SECONDS, Rests, Stint

JOBS = 4
STINTS = 5


async def test_all_jobs_together_rest_so_many_times_as_long_as_they_work():
    loop = asyncio.get_running_loop()
    rests = Rests()

    async def work() -> None:
        stint = Stint(rests)
        for _ in range(STINTS):
            await stint.add(STINT_SECONDS)

    began = loop.time()
    await asyncio.gather(*(work() for _ in range(JOBS)))
    rested_seconds = loop.time() - began
    assert rested_seconds >= JOBS * STINTS * STINT_SECONDS * RESTS * 0.9


async def test_short_stints_are_added_up():
    loop = asyncio.get_running_loop()
    stint, began = Stint(Rests()), loop.time()
    for _ in range(8):
        await stint.add(STINT_SECONDS / 4)
    assert loop.time() - began >= 2 * STINT_SECONDS * RESTS * 0.9


async def test_who_was_held_up_does_not_rest_for_it():
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.timeout(RESTS * LONGEST_SECONDS * 30):
        await Stint(Rests()).add(3600.0)
    assert loop.time() - began >= RESTS * LONGEST_SECONDS * 0.9
