"""Counts the log anew, to compare with what was counted as it came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sqlalchemy import select

from pipeline.adapters.storage.counting_tables import statistics
from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.store_reader import StoreReader
from pipeline.delivery_log import DeliveryFilter, Place
from pipeline.domain.delivery import Attempt
from pipeline.domain.latency import bucket_of

_HOUR_MS = 3_600_000
_PAGE = 1_000

Key = tuple[str, str, int, int, int]
"""Account, endpoint, hour, HTTP status, bucket of the duration."""


class Counts(NamedTuple):
    requests: Counter[Key]
    accepted: Counter[Key]


def log_of(store: Store) -> Iterator[Attempt]:
    """Every attempt that the log shows, page by page as the API reads it."""
    reader = StoreReader(store)
    after: Place | None = None
    while page := reader.deliveries(DeliveryFilter(), limit=_PAGE, after=after):
        for delivery in page:
            yield from reader.attempts(delivery.id)
        after = Place(page[-1].created_at_ms, page[-1].id)


def recounted(attempts: Iterable[Attempt]) -> Counts:
    counts = Counts(Counter(), Counter())
    for each in attempts:
        hour_ms = each.started_at_ms - each.started_at_ms % _HOUR_MS
        bucket = bucket_of(each.duration_ms)
        key = (each.account, each.endpoint, hour_ms, each.status or 0, bucket)
        counts.requests[key] += 1
        counts.accepted[key] += each.outcome == "accepted"
    return counts


def counted(store: Store) -> Counts:
    """What the store says without looking at an attempt."""
    its = statistics.c
    key = its.account, its.endpoint, its.hour_ms, its.http_status, its.latency
    counts = Counts(Counter(), Counter())
    with store.reading() as connection:
        for *found, requests, accepted in connection.execute(
            select(*key, its.requests, its.accepted)
        ):
            counts.requests[tuple(found)] = requests
            counts.accepted[tuple(found)] = accepted
    return counts
