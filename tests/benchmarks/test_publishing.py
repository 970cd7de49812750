"""How far the publisher runs ahead of the receiver."""

import os

import pytest

from benchmarks.events import SourceRecord
from benchmarks.memory import MemoryMarks
from benchmarks.publishing import Backlog
from benchmarks.rates import Sample
from benchmarks.rig import Load


def a_load(*, data_bytes: int = 1_024, fan_out: int = 1, attempts_each: int = 1) -> Load:
    return Load("events", lambda _: SourceRecord(b"", b""), data_bytes, fan_out, attempts_each)


@pytest.mark.parametrize("fan_out", [1, 50, 100])
def test_no_more_waits_than_may(fan_out: int):
    load, backlog = a_load(fan_out=fan_out), Backlog(100_000, 5_000, 8.0)
    published = 4_500 // fan_out
    room = backlog.room(load, published, accepted=1_000)
    waiting = (published + room) * fan_out - 1_000
    assert 5_000 - fan_out < waiting <= 5_000
    assert backlog.room(load, 6_000 // fan_out, accepted=1_000) == 0


def test_no_more_is_published_than_was_asked_for():
    load = a_load(fan_out=10)
    for most_waiting in (None, 5_000):
        assert Backlog(1_000, most_waiting, None).room(load, 97, accepted=960) == 3
        assert Backlog(1_000, most_waiting, None).room(load, 100, accepted=960) == 0


def test_what_waits_is_bounded_by_bytes_too():
    load = a_load(data_bytes=200 * 1_024)
    backlog = Backlog(30_000, 5_000, 8.0).sized(load)
    assert backlog.most_waiting == 327
    assert backlog.room(load, 0, accepted=0) * load.data_bytes <= 16 << 20


def test_a_backlog_goes_to_the_producer_in_portions():
    load, backlog = a_load(), Backlog(1_000_000, None, None)
    assert backlog.sized(load) == backlog
    assert backlog.room(load, 0, accepted=0) == 2_000


def test_deliveries_that_wait_for_their_second_attempt_leave_work_for_the_others():
    backlog = Backlog(30_000, 5_000, 8.0).sized(a_load(attempts_each=2))
    assert backlog.most_waiting == 15_000


def test_memory_is_told_at_the_beginning_in_the_middle_and_at_the_end():
    marks = MemoryMarks({"this": (os.getpid(),)})
    marks.look_now(Sample(0.0, 0))
    marks.look(Sample(0.5, 10))  # too early
    held = bytearray(os.urandom(1)) * (64 << 20)
    marks.look(Sample(1.5, 500))
    marks.look(Sample(3.0, 700))
    more = bytearray(os.urandom(1)) * (64 << 20)
    marks.look_now(Sample(3.1, 1_000))
    found = marks.figures()
    assert found["mib.this.middle"] - found["mib.this.begin"] == pytest.approx(64, abs=16)
    assert found["mib.this.end"] - found["mib.this.middle"] == pytest.approx(64, abs=16)
    assert found["peak_mib.this"] >= found["mib.this.end"] - 1
    assert len(held) == len(more)
