"""Dead letters as emits; shared by the stages that give something up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.domain import dead_letters
from pipeline.domain.delivery import Position, Reason
from pipeline.flow import Emit
from pipeline.telemetry.instruments import DEAD_LETTERS
from pipeline.telemetry.trace_context import trace_headers

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.domain.dead_letters import LastFailure
    from pipeline.domain.delivery import DeadLetter, Delivery
    from pipeline.domain.event import Event
    from pipeline.flow import Record
    from pipeline.ports import Records
    from pipeline.telemetry.tally import Tally


class DeadLettering:
    """Makes the emit of a dead letter and counts it."""

    def __init__(
        self, topic: str, records: Records, *, now_ms: Callable[[], int], tally: Tally
    ) -> None:
        self._topic = topic
        self._records = records
        self._now_ms = now_ms
        self._tally = tally

    def of_record(self, record: Record, reason: Reason, *, error: str) -> Emit:
        """A record that no delivery can be made of."""
        raw = dead_letters.RawRecord(position_of(record), record.key, record.value)
        letter = dead_letters.of_record(raw, reason, error=error, now_ms=self._now_ms())
        return self._emit(letter, record)

    def of_event(self, record: Record, event: Event, reason: Reason, *, error: str) -> Emit:
        """An event that no delivery can be made of: its account is told of it, too."""
        raw = dead_letters.RawRecord(position_of(record), record.key, record.value)
        letter = dead_letters.of_record(raw, reason, error=error, now_ms=self._now_ms())
        return self._emit(dead_letters.of_event(letter, event), record)

    def of_culprit(self, record: Record) -> Emit:
        """A record that no process has survived."""
        text = "every process that handled it ended at once, again and again"
        return self.of_record(record, Reason.CRASHED, error=text)

    def of_delivery(
        self,
        delivery: Delivery,
        reason: Reason,
        *,
        record: Record,
        failure: LastFailure | None = None,
    ) -> Emit:
        """A delivery that will not be tried any more; `failure` where an attempt was just made."""
        letter = dead_letters.of_delivery(
            delivery,
            reason,
            at=position_of(record),
            encoded=self._records.encode_delivery(delivery),
            now_ms=self._now_ms(),
        )
        if failure is not None:
            letter = dead_letters.after_attempt(letter, failure, attempts=delivery.attempt)
        return self._emit(letter, record)

    def _emit(self, letter: DeadLetter, record: Record) -> Emit:
        self._tally.add(DEAD_LETTERS, letter.reason)
        key = (letter.endpoint or letter.id).encode()
        headers = trace_headers(record.headers)
        return Emit(self._topic, self._records.encode_dead_letter(letter), key, headers)


def position_of(record: Record) -> Position:
    """Where a record lies."""
    return Position(record.partition.topic, record.partition.number, record.offset)
