"""A stage that sleeps through its session just as it joins its group: it joins anew, and works."""

from __future__ import annotations

import signal
import threading

import psutil
import pytest

from pipeline.domain.endpoint import Account, Endpoint
from tests.receiver import Receiver
from tests.running_pipeline import RunningPipeline, eventually

SLEPT_SECONDS = 12.0
"""Longer than a session."""


@pytest.mark.faults
@pytest.mark.timeout(180)
def test_a_stage_that_loses_its_membership_as_it_joins_goes_on(
    pipeline: RunningPipeline, receiver: Receiver
) -> None:
    pipeline.put_account(Account("sleeps", "twelve-twenty"))
    pipeline.put_endpoint(
        Endpoint("sleeps-ep", "sleeps", "twelve-twenty", "", url=receiver.url("/"))
    )
    pipeline.run("router")
    ordinary, pipeline.program = pipeline.program, ("-m", "tests.faults.frozen_stage")
    pipeline.start("sender")
    sender = psutil.Process(pipeline.processes[("sender", 0)].pid)
    eventually(lambda: sender.status() == psutil.STATUS_STOPPED, seconds=30)
    threading.Event().wait(SLEPT_SECONDS)  # what is tested is that its session runs out
    pipeline.signal("sender", signal.SIGCONT)
    pipeline.publish(
        {"account": "sleeps", "type": "made", "id": f"s{n}", "data": {"n": n}} for n in range(20)
    )
    pipeline.program = ordinary

    def is_everything_there() -> bool:
        # A commit under its old name may meet its new one: it is fenced, ends, and is started anew.
        if pipeline.processes[("sender", 0)].poll() is not None:
            assert "fenced" in pipeline.log("sender")
            pipeline.start("sender")
        return len(receiver.requests) >= 20

    eventually(is_everything_there, seconds=60)
