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
@pytest.mark.soak
@pytest.mark.xfail(
    raises=AssertionError,
    reason="who lost its membership before it had asked for all its topics is given the first ones"
    " again, and asks for no more until its topics change",
)
@pytest.mark.timeout(180)
def test_a_stage_that_loses_its_membership_as_it_joins_goes_on(
    pipeline: RunningPipeline, receiver: Receiver
) -> None:
    pipeline.put_account(Account("sleeps", "twelve-twenty"))
    pipeline.put_endpoint(
        Endpoint("sleeps-ep", "sleeps", "twelve-twenty", "", url=receiver.url("/"))
    )
    pipeline.run("router")
    pipeline.program = ("-m", "tests.faults.frozen_stage")
    pipeline.start("sender")
    sender = psutil.Process(pipeline.processes[("sender", 0)].pid)
    eventually(lambda: sender.status() == psutil.STATUS_STOPPED, seconds=30)
    threading.Event().wait(SLEPT_SECONDS)  # what is tested is that its session runs out
    pipeline.signal("sender", signal.SIGCONT)
    pipeline.publish(
        {"account": "sleeps", "type": "made", "id": f"s{n}", "data": {"n": n}} for n in range(20)
    )
    receiver.wait_for(20, seconds=40)
    assert pipeline.processes[("sender", 0)].poll() is None, pipeline.log("sender")
