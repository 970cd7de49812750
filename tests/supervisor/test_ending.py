"""How a process is asked to end."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from pipeline.supervisor.ending import Ending


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_a_wait_at_once(number: signal.Signals):
    with Ending() as ending:
        timer = threading.Timer(0.1, os.kill, (os.getpid(), number))
        timer.start()
        begun = time.monotonic()
        assert ending.wait(20)
        timer.join()
    assert time.monotonic() - begun < 10
    assert not ending.is_urgent


def test_a_second_signal_is_urgent():
    with Ending() as ending:
        os.kill(os.getpid(), signal.SIGINT)
        assert ending.is_asked
        assert not ending.is_urgent
        os.kill(os.getpid(), signal.SIGINT)
        assert ending.is_urgent


def test_another_thread_may_ask_and_that_is_never_urgent():
    with Ending() as ending:
        asking = threading.Timer(0.1, ending.ask)
        asking.start()
        begun = time.monotonic()
        assert ending.wait(20)
        asking.join()
        ending.ask()
    assert time.monotonic() - begun < 10
    assert not ending.is_urgent


def test_a_signal_that_was_ignored_before_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Ending() as ending:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not ending.wait(0.05)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_handlers_are_put_back():
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGCHLD)
    with Ending():
        assert signal.getsignal(signal.SIGTERM) != before[0]
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGCHLD)) == before
