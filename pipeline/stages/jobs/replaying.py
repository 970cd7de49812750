"""Past events, routed again for some endpoints alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.domain.identifiers import webhook_id
from pipeline.domain.job import Only
from pipeline.domain.type_patterns import compile_patterns
from pipeline.stages.jobs.ports import Sending

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from pipeline.domain.delivery import Delivery
    from pipeline.domain.endpoint import Endpoint
    from pipeline.domain.job import JobOrder
    from pipeline.domain.job_selection import ChosenRecipients
    from pipeline.flow import Emit, Record
    from pipeline.ports import EmitRefused

    Routed = tuple[Emit, Callable[[EmitRefused], Emit] | None]
    Route = Callable[[Record], Iterator[Routed]]
    """As the router routes, for the chosen recipients alone."""
    WaitReadable = Callable[[Record], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Rerouting:
    """How events are routed again."""

    route: Route
    decode: Callable[[bytes], Delivery]
    is_surely_of_others: Callable[[Record, bytes], bool]
    """Whether a record is surely none of this account's. Any thread."""
    wait_readable: WaitReadable | None
    """None: every record can be read at once."""


class ReplaySource:
    """Implements `JobSource`."""

    def __init__(
        self,
        order: JobOrder,
        topics: Sequence[str],
        rerouting: Rerouting,
        *,
        recipients: ChosenRecipients,
    ) -> None:
        self._topics = tuple(topics)
        self._route = rerouting.route
        self._recipients = recipients
        self._decode = rerouting.decode
        self._is_surely_of_others = rerouting.is_surely_of_others
        self._wait_readable = rerouting.wait_readable
        self._types = compile_patterns(order.event_types)
        self._skips_delivered = order.only is Only.UNDELIVERED

    @property
    def topics(self) -> Sequence[str]:
        return self._topics

    @property
    def skips_delivered(self) -> bool:
        return self._skips_delivered

    def endpoints(self) -> Iterator[Endpoint]:
        return self._recipients.endpoints()

    def passes_over(self, record: Record) -> bool:
        account = self._recipients.account
        return account is not None and self._is_surely_of_others(record, account.encode())

    async def wait_readable(self, record: Record) -> None:
        if self._wait_readable is not None:
            await self._wait_readable(record)

    def sendings(self, record: Record) -> Iterator[Sending | None]:
        for emit, instead in self._route(record):
            if instead is None:
                yield None  # a dead letter, which was written when it came the first time
                continue
            delivery = self._decode(emit.value)
            if self._types.matches(delivery.event_type):
                yield Sending(
                    delivery.delivery_id,
                    webhook_id(delivery.event_id, endpoint=delivery.endpoint),
                    delivery.endpoint,
                    emit,
                    instead,
                )
