"""One partition that this process owns: how far it is finished, and what to say of it."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from pipeline.domain import caution as cautions
from pipeline.domain.caution import Caution
from pipeline.domain.commit_note import CommitNote, read_beyond, read_note, write_beyond, write_note
from pipeline.engine.ledger import Ledger
from pipeline.flow import StartAt

BEGINNING_MS = 30_000
"""So long after its start a partition whose head has not moved counts as under way: its first
records may still be on their way from the brokers."""
MOST_MARKS = 1_000
"""Batches; beyond them the oldest are forgotten and a record counts as younger than it is."""
NOTE_MS = 10_000
"""How old the note of a busy partition may be."""


class Begin(NamedTuple):
    """A partition's start, and what its last owner left."""

    start: StartAt
    """With the stage's own note as its metadata."""
    caution: Caution = cautions.NONE


def begin_at(start: StartAt) -> Begin:
    """What is to be known of a partition from its committed offset's metadata."""
    note = read_note(start.metadata)
    caution = note.caution
    caution = (cautions.after_crash if note.is_running else cautions.at_head)(caution, start.offset)
    finished = start.finished | read_beyond(note)
    return Begin(start._replace(metadata=note.stage, finished=finished), caution)


class CommitState(NamedTuple):
    """What is committed."""

    offset: int
    is_running: bool
    stage_note: str
    beyond: str
    caution: Caution
    period: int
    """While running the note is renewed in each, so that its time is never old."""

    def note(self, *, now_ms: int) -> str:
        return write_note(
            CommitNote(
                stage=self.stage_note,
                is_running=self.is_running,
                at_ms=now_ms if self.is_running else 0,
                base=self.offset if self.beyond else 0,
                beyond=self.beyond,
                caution=self.caution,
            )
        )


class OwnedPartition:
    """One partition."""

    __slots__ = (
        *("begun_at", "begun_ms", "caution", "committed", "end", "ledger", "marks"),
        "open_tickets",
    )

    def __init__(self, begin: Begin, *, now_ms: int) -> None:
        start = begin.start
        done_before = [offset for offset in start.finished if offset >= start.offset]
        self.ledger = Ledger(start.offset, done_before)
        self.ledger.metadata = start.metadata
        self.ledger.leader_epoch = start.leader_epoch
        self.open_tickets = 0
        self.end = start.offset
        """Where the partition ended when it was last heard of."""
        self.marks: deque[tuple[int, int]] = deque(maxlen=MOST_MARKS)
        """Offset and time of the first record of each batch that is not finished."""
        self.caution = begin.caution
        self.begun_at = start.offset
        self.begun_ms = now_ms
        self.committed: CommitState | None = self.state(is_running=True, now_ms=now_ms)
        """None: not known."""

    def mark(self, offset: int, timestamp_ms: int) -> None:
        """A batch begins here."""
        marks, head = self.marks, self.ledger.committable
        while len(marks) > 1 and marks[1][0] <= head:
            marks.popleft()
        marks.append((offset, timestamp_ms))

    def oldest_ms(self) -> int | None:
        """About when the first unfinished record was written: not later, a batch earlier perhaps.

        None where all is finished. Any thread.
        """
        if not self.ledger.unfinished:
            return None
        head, found = self.ledger.committable, None
        for offset, timestamp_ms in tuple(self.marks):
            if found is not None and offset > head:
                break
            found = timestamp_ms
        return found

    @property
    def behind(self) -> int:
        """Records from the first unfinished one to the end, as far as that is known."""
        return max(self.end - self.ledger.committable, 0)

    def is_running(self, now_ms: int) -> bool:
        """Whether a death now may be a record's fault."""
        ledger = self.ledger
        return ledger.unfinished > 0 or (
            ledger.committable == self.begun_at and now_ms - self.begun_ms < BEGINNING_MS
        )

    def state(self, *, is_running: bool, now_ms: int) -> CommitState:
        ledger = self.ledger
        offset = ledger.committable
        if self.caution is not cautions.NONE:
            self.caution = cautions.at_head(self.caution, offset)
        beyond = write_beyond(offset, ledger.finished_beyond)
        period = now_ms // NOTE_MS if is_running else 0
        return CommitState(offset, is_running, ledger.metadata, beyond, self.caution, period)


def begun_note(begin: Begin, *, now_ms: int) -> str:
    """What to commit before the first record of a partition is read."""
    owned = OwnedPartition(begin, now_ms=now_ms)
    return owned.state(is_running=True, now_ms=now_ms).note(now_ms=now_ms)
