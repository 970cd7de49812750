"""Laws of jobs: who tells what, what holds, and that ids repeat for whoever repeats himself."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.delivery import Cause, DeadLetter, Position
from pipeline.domain.delivery_label import BY_EVENT, REPLAY_HEADER, of_replay
from pipeline.domain.identifiers import delivery_id, ids_of_new_delivery, webhook_id
from pipeline.domain.job import (
    InvalidJob,
    JobKind,
    JobOrder,
    JobPart,
    JobProgress,
    JobRecord,
    JobStatus,
    JobTable,
    Span,
    order_record,
    progress_record,
)
from pipeline.domain.job_selection import is_wanted
from pipeline.domain.type_patterns import compile_patterns

ORDER = JobOrder("rpl_1", JobKind.REPLAY, 1_000, account="acme", event_types=("a.*",))
SPAN = Span("events", 0, 10, 20)
RUNNING = JobProgress(JobStatus.RUNNING, (SPAN, Span("events", 1, 0, 5)), matched=7)
LETTER = DeadLetter(
    "dlv_1",
    "exhausted",
    5,
    Position("t", 0, 1),
    account="acme",
    endpoint="e-1",
    event_type="order.created",
)

names = st.text("abc-_0", min_size=1, max_size=8)


def test_orders_and_progress_are_kept_apart_so_that_neither_undoes_the_other():
    table = JobTable()
    table.apply(order_record(ORDER), appended_at_ms=1)
    table.apply(progress_record(ORDER.id, RUNNING), appended_at_ms=2)
    table.apply(order_record(replace(ORDER, cancelled_at_ms=3)), appended_at_ms=3)
    table.apply(progress_record(ORDER.id, replace(RUNNING, sent=2)), appended_at_ms=4)
    job = table.job(ORDER.id)
    assert job is not None
    assert (job.status, job.progress.sent, job.told_at_ms) == (JobStatus.CANCELLED, 2, 4)
    assert table.open_jobs() == [job], "whoever runs it has not told yet that it has ended"
    assert len({order_record(ORDER).key, progress_record(ORDER.id, RUNNING).key}) == 2


def test_a_job_that_ended_before_it_was_cancelled_stays_done():
    table = JobTable()
    table.apply(order_record(replace(ORDER, cancelled_at_ms=9)), appended_at_ms=1)
    table.apply(progress_record(ORDER.id, JobProgress(JobStatus.DONE)), appended_at_ms=2)
    job = table.job(ORDER.id)
    assert job is not None
    assert job.status is JobStatus.DONE
    assert table.open_jobs() == []


def test_jobs_are_told_newest_first_and_run_oldest_first():
    table = JobTable()
    for number in (2, 1, 3):
        order = replace(ORDER, id=f"rpl_{number}", created_at_ms=number)
        table.apply(order_record(order), appended_at_ms=number)
    assert [job.order.id for job in table.jobs()] == ["rpl_3", "rpl_2", "rpl_1"]
    assert [job.order.id for job in table.open_jobs()] == ["rpl_1", "rpl_2", "rpl_3"]


def test_progress_without_an_order_is_no_job_yet():
    table = JobTable()
    table.apply(progress_record("rpl_9", RUNNING), appended_at_ms=1)
    assert table.job("rpl_9") is None
    assert table.jobs() == []


@pytest.mark.parametrize("document", ["", "{}", "[]", '{"status": "flying"}'])
def test_a_record_that_cannot_be_read_changes_nothing(document: str):
    table = JobTable()
    table.apply(order_record(ORDER), appended_at_ms=1)
    table.apply(progress_record(ORDER.id, RUNNING), appended_at_ms=2)
    before = table.job(ORDER.id)
    with pytest.raises(InvalidJob):
        table.apply(JobRecord(ORDER.id, JobPart.PROGRESS, document), appended_at_ms=3)
    assert table.job(ORDER.id) == before


def test_an_order_with_a_condition_that_is_not_known_here_is_left_to_newer_processes():
    """Run without it, the job would send more than was asked for."""
    document = order_record(ORDER).document.replace("{", '{"only_on_sundays":true,', 1)
    table = JobTable()
    with pytest.raises(InvalidJob, match="only_on_sundays: left to the newer version"):
        table.apply(JobRecord(ORDER.id, JobPart.ORDER, document), appended_at_ms=1)
    unknown_kind = order_record(ORDER).document.replace('"replay"', '"rehearse"', 1)
    with pytest.raises(InvalidJob):
        table.apply(JobRecord(ORDER.id, JobPart.ORDER, unknown_kind), appended_at_ms=1)
    assert table.open_jobs() == []


@given(st.integers(0, 30))
def test_progress_goes_on_in_one_partition_and_never_back(offset: int):
    after = RUNNING.past(SPAN, offset)
    assert after.spans[0].next_offset == max(offset, SPAN.next_offset)
    assert after.spans[1] == RUNNING.spans[1]


def test_what_was_counted_is_sent_or_left_out_at_the_end():
    assert replace(RUNNING, sent=5, skipped=1).closed().skipped == 2
    assert replace(RUNNING, sent=8).closed().skipped == 0


@given(names, names, names)
def test_a_replay_has_deliveries_of_its_own_and_the_webhook_ids_of_the_first_time(
    event: str, endpoint: str, replay: str
):
    label = of_replay(replay, new_ids=False)
    webhook, delivery = label.ids(event.encode(), endpoint=endpoint.encode())
    first, first_delivery = BY_EVENT.ids(event.encode(), endpoint=endpoint.encode())
    assert (first, first_delivery) == ids_of_new_delivery(
        event.encode(), endpoint=endpoint.encode()
    )
    assert webhook == first == webhook_id(event, endpoint=endpoint).encode()
    assert delivery != first_delivery
    expected = delivery_id(webhook.decode(), cause=Cause.REPLAY, cause_id=replay)
    assert delivery.decode() == expected
    assert label.headers == {REPLAY_HEADER: replay}


@given(names, names, names, names)
def test_new_ids_are_the_same_within_a_replay_and_others_in_every_other(
    event: str, endpoint: str, replay: str, other: str
):
    def ids(of: str, *, new: bool) -> tuple[bytes, bytes]:
        return of_replay(of, new_ids=new).ids(event.encode(), endpoint=endpoint.encode())

    assert ids(replay, new=True) == ids(replay, new=True)
    assert ids(replay, new=True)[0] != ids(replay, new=False)[0]
    if other != replay:
        assert ids(replay, new=True)[0] != ids(other, new=True)[0]


@pytest.mark.parametrize(
    ("wanted", "members"),
    [
        (True, {"account": None}),
        (True, {"endpoint": "e-1", "reason": "exhausted", "ids": ("dlv_0", "dlv_1")}),
        (False, {"account": "other"}),
        (False, {"endpoint": "e-2"}),
        (False, {"reason": "final"}),
        (False, {"ids": ("dlv_2",)}),
        (True, {"event_types": ("other.*", "*.created")}),
        (False, {"event_types": ("other.*",)}),
    ],
)
def test_a_redrive_takes_what_everything_given_admits(*, wanted: bool, members: dict[str, object]):
    order = replace(ORDER, **{"kind": JobKind.REDRIVE, "event_types": (), **members})
    assert is_wanted(LETTER, order, compile_patterns(order.event_types)) is wanted


def test_a_job_that_ended_long_ago_is_forgotten_its_order_first():
    table = JobTable()
    for number, status in ((1, JobStatus.DONE), (2, JobStatus.RUNNING), (3, JobStatus.FAILED)):
        job_id = f"rpl_{number}"
        table.apply(order_record(replace(ORDER, id=job_id)), appended_at_ms=1)
        progress = replace(RUNNING, status=status)
        table.apply(progress_record(job_id, progress), appended_at_ms=number * 100)
    assert table.ended_before(100) == []
    keys = table.ended_before(250)
    assert keys == [b"rpl_1", b"rpl_1/progress"], "without its progress it would be run again"
    table.forget(keys[0])
    assert table.job("rpl_1") is None
    assert table.ended_before(250) == keys[1:]
    table.forget(keys[1])
    assert table.ended_before(250) == []
    assert {job.order.id for job in table.jobs()} == {"rpl_2", "rpl_3"}
