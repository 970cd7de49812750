"""Dead letters, sent again as they were."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol

from pipeline.domain.delivery import Reason
from pipeline.domain.job_selection import ChosenRecipients, is_wanted, redriven
from pipeline.domain.type_patterns import compile_patterns
from pipeline.flow import Emit
from pipeline.ports import Undecodable
from pipeline.stages.jobs.ports import Sending

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.domain.delivery import DeadLetter, Delivery
    from pipeline.domain.directory import Directory
    from pipeline.domain.endpoint import Endpoint
    from pipeline.domain.job import JobOrder
    from pipeline.flow import Record
    from pipeline.ports import EmitRefused
    from pipeline.stages.dead_lettering import DeadLettering


class DeadRecords(Protocol):
    """What bytes mean."""

    def decode_dead_letter(self, value: bytes) -> DeadLetter: ...

    def decode_delivery(self, value: bytes) -> Delivery: ...

    def encode_delivery(self, delivery: Delivery) -> bytes: ...


class RedriveSource:
    """Implements `JobSource`. What was delivered since it died is left out."""

    skips_delivered = True

    def __init__(
        self,
        order: JobOrder,
        topic: str,
        records: DeadRecords,
        *,
        among: Directory,
        dead: DeadLettering,
    ) -> None:
        self._order = order
        self._types = compile_patterns(order.event_types)
        self._topic = topic
        self._records = records
        self._directory = among
        self._dead = dead

    @property
    def topics(self) -> Sequence[str]:
        return (self._topic,)

    def endpoints(self) -> Iterator[Endpoint]:
        order = self._order
        return ChosenRecipients(
            self._directory, account=order.account, endpoint=order.endpoint
        ).endpoints()

    def passes_over(self, _: Record) -> bool:
        """Few of them are anybody else's."""
        return False

    async def wait_readable(self, record: Record) -> None:
        """Dead letters are in our own Avro."""

    def sendings(self, record: Record) -> Iterator[Sending | None]:
        try:
            letter = self._records.decode_dead_letter(record.value or b"")
            if not is_wanted(letter, self._order, self._types):
                return
            dead = self._records.decode_delivery(letter.delivery or b"")
        except Undecodable:
            yield None  # of another version, or of a record that no delivery could be made of
            return
        endpoint = self._directory.endpoint(dead.endpoint)
        if endpoint is None:
            yield None
            return
        delivery = redriven(dead, redrive=self._order.id, endpoint=endpoint)
        value = self._records.encode_delivery(delivery)
        yield Sending(
            delivery.delivery_id,
            delivery.webhook_id,
            endpoint.id,
            Emit(endpoint.topic, value, endpoint.id.encode()),
            partial(self._instead, delivery, record),
            failed_at_ms=letter.dead_at_ms,
        )

    def _instead(self, delivery: Delivery, record: Record, _: EmitRefused) -> Emit:
        return self._dead.of_delivery(delivery, Reason.ENDPOINT_UNAVAILABLE, record=record)
