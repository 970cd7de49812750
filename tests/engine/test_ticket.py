"""A record is finished when all that its handling produced was acknowledged."""

from __future__ import annotations

from pipeline.engine.ledger import Ledger
from pipeline.engine.ticket import Ticket
from pipeline.flow import Partition, Record


def test_what_is_to_be_done_after_all_acknowledgements_is_done_once_and_before_the_settling() -> (
    None
):
    done: list[str] = []
    record = Record(Partition("t", 0), 7, None, b"", 0)
    ticket = Ticket(record, Ledger(7), lambda settled: done.append(f"{settled.record.offset}"))
    ticket.hold()
    ticket.settle_after(done.append, "first")
    ticket.release()
    assert not done
    ticket.release()
    assert done == ["first", "7"]


def test_what_is_written_last_is_waited_for_and_what_was_to_follow_follows_once():
    done: list[str] = []
    record = Record(Partition("t", 0), 7, None, b"", 0)
    ticket = Ticket(record, Ledger(7), lambda settled: done.append(f"{settled.record.offset}"))

    def write(open_ticket: Ticket) -> None:
        done.append("written")
        open_ticket.hold()

    ticket.settle_after(done.append, "first")
    ticket.settle_later(write)
    ticket.release()
    assert done == ["first", "written"], "it is not acknowledged yet"
    ticket.release()
    assert done == ["first", "written", "7"]
