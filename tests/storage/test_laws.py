"""Whatever the order and however often facts are written, the store ends the same."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.recorder_store import RecorderStore
from pipeline.adapters.storage.store_reader import StoreReader
from pipeline.domain.delivery import Attempt
from pipeline.domain.delivery_state import Buried, Pending
from tests.storage.builders import empty_tables_of, tables_of
from tests.storage.fact_strategies import Told, repeated_and_shuffled, told

pytestmark = pytest.mark.timeout(420)  # to find the smallest example of a failure takes its time

_laws = settings(
    max_examples=60,
    deadline=None,
    # The store is one for all examples and emptied for each: a new one would cost a migration.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def _write(recorder: RecorderStore, batch: Sequence[Told]) -> int:
    attempts = [one.fact for one in batch if isinstance(one.fact, Attempt)]
    letters = [one.fact for one in batch if isinstance(one.fact, Buried)]
    positions: dict[tuple[str, int], int] = {}
    for one in batch:
        positions[one.partition] = max(positions.get(one.partition, 0), one.next_offset)
    recorder.announce([one.fact for one in batch if isinstance(one.fact, Pending)])
    return recorder.write(attempts, letters, positions).new_attempts


def _keys(batch: Sequence[Told]) -> set[tuple[str, int, int]]:
    attempts = [one.fact for one in batch if isinstance(one.fact, Attempt)]
    return {(one.delivery_id, one.attempt, one.started_at_ms) for one in attempts}


@_laws
@given(data=st.data(), once=st.lists(told, max_size=12))
def test_any_order_and_any_repetition_give_equal_tables(
    store: Store, data: st.DataObject, once: list[Told]
):
    recorder = RecorderStore(store)
    empty_tables_of(store)
    assert _write(recorder, once) == len(_keys(once))
    expected = tables_of(store)
    empty_tables_of(store)
    batches = data.draw(repeated_and_shuffled(once))
    assert sum(_write(recorder, batch) for batch in batches) == len(_keys(once))
    assert tables_of(store) == expected


@_laws
@given(once=st.lists(told, max_size=12))
def test_every_attempt_is_read_again_and_decides_as_the_greatest_of_all(
    store: Store, once: list[Told]
):
    empty_tables_of(store)
    for one in once:  # the smallest batches: everything meets what is stored
        _write(RecorderStore(store), [one])
    reader = StoreReader(store)
    for delivery_id in ("dlv_0", "dlv_1", "dlv_2"):
        told_of = {
            (one.fact.attempt, one.fact.started_at_ms): one.fact
            for one in once
            if isinstance(one.fact, Attempt) and one.fact.delivery_id == delivery_id
        }
        assert reader.attempts(delivery_id) == [told_of[key] for key in sorted(told_of)]
        buried = any(isinstance(t.fact, Buried) and t.fact.letter.id == delivery_id for t in once)
        decisions = {attempt.decision for attempt in told_of.values()}
        delivery = reader.delivery(delivery_id)
        if "delivered" in decisions:
            expected = "delivered"
        elif "dead" in decisions or buried:
            expected = "dead"
        else:
            expected = "retrying" if decisions else "pending"
        assert delivery is None or delivery.status == expected
        assert (delivery is not None) or not (decisions or buried)
