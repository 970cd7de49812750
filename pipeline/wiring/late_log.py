"""The log of deliveries for a process that does not need the store to start."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from pipeline.delivery_log import (
    Counted,
    CountFilter,
    DeadLetterFilter,
    DeliveryFilter,
    DeliveryLog,
    DeliveryRows,
    EndpointCount,
    Place,
    ReasonCount,
    StoredDeadLetter,
    StoredDelivery,
)
from pipeline.domain.delivery import Attempt
from pipeline.domain.delivery_state import Pending
from pipeline.recent_log import Journey, RecentLog, Streak


class LateLog:
    """Implements `DeliveryLog` and `DeliveryRows`; `log` and `rows` raise StoreFailed before."""

    def __init__(self, log: Callable[[], DeliveryLog], rows: Callable[[], DeliveryRows]) -> None:
        self._log = log
        self._rows = rows

    def delivery(self, delivery_id: str) -> StoredDelivery | None:
        return self._log().delivery(delivery_id)

    def deliveries(
        self, wanted: DeliveryFilter, *, limit: int, after: Place | None = None
    ) -> list[StoredDelivery]:
        return self._log().deliveries(wanted, limit=limit, after=after)

    def attempts(self, delivery_id: str) -> list[Attempt]:
        return self._log().attempts(delivery_id)

    def dead_letter(self, letter_id: str) -> StoredDeadLetter | None:
        return self._log().dead_letter(letter_id)

    def dead_letters(
        self, wanted: DeadLetterFilter, *, limit: int, after: Place | None = None
    ) -> list[StoredDeadLetter]:
        return self._log().dead_letters(wanted, limit=limit, after=after)

    def reasons(self, wanted: DeadLetterFilter, *, most: int) -> list[ReasonCount]:
        return self._log().reasons(wanted, most=most)

    def counted(self, of: CountFilter, *, since_ms: int, until_ms: int) -> Counted:
        return self._log().counted(of, since_ms=since_ms, until_ms=until_ms)

    def counted_of_each(
        self, endpoints: Sequence[str], account: str | None, *, since_ms: int, until_ms: int
    ) -> Mapping[str, Counted]:
        return self._log().counted_of_each(endpoints, account, since_ms=since_ms, until_ms=until_ms)

    def failing(
        self, of: CountFilter, *, since_ms: int, until_ms: int, limit: int
    ) -> list[EndpointCount]:
        return self._log().failing(of, since_ms=since_ms, until_ms=until_ms, limit=limit)

    def announce(self, pending: Sequence[Pending]) -> None:
        self._rows().announce(pending)

    def drop(self, delivery: StoredDelivery) -> None:
        self._rows().drop(delivery)


class LateRecentLog:
    """Implements `RecentLog`; `log` raises StoreFailed before there is one."""

    def __init__(self, log: Callable[[], RecentLog]) -> None:
        self._log = log

    def streaks(self, *, account: str | None, limit: int) -> Sequence[Streak]:
        return self._log().streaks(account=account, limit=limit)

    def journeys(self, *, account: str | None, since_ms: int, limit: int) -> Sequence[Journey]:
        return self._log().journeys(account=account, since_ms=since_ms, limit=limit)
