"""Generated facts about a few deliveries that agree with each other, as real ones do."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import strategies as st

from pipeline.domain.delivery import Attempt, Position
from pipeline.domain.delivery_state import Buried, Pending
from tests.storage.builders import START_MS, a_delivery, a_failure, a_letter, an_attempt, buried

_HOUR_MS = 3_600_000


class Told(NamedTuple):
    """One fact, and how far its partition was read with it."""

    fact: Attempt | Buried | Pending
    partition: tuple[str, int]
    next_offset: int


def _identity(number: int) -> dict[str, str]:
    return {
        "delivery_id": f"dlv_{number}",
        "webhook_id": f"msg_{number}",
        "event_id": f"evt_{number}",
        "endpoint": f"ep_{number % 2}",
    }


@st.composite
def _attempts(draw: st.DrawFn) -> Attempt:
    """Its key decides the rest, so that two with one key are one attempt."""
    number = draw(st.integers(0, 2))
    tried = draw(st.integers(1, 3))
    late = draw(st.integers(0, 2))
    kind = (number * 5 + tried * 3 + late * 7) % 4
    started_at_ms = START_MS + late * _HOUR_MS // 2 + tried
    record = Position("webhooks.shared-delivery", number, 10 * tried + late)
    place = {"attempt": tried, "started_at_ms": started_at_ms, "record": record}
    if kind == 0:
        return an_attempt(**_identity(number), **place)
    if kind == 1:
        return an_attempt(**_identity(number), **place, response_headers={"via": "1"})
    if kind == 2:
        return a_failure(**_identity(number), **place)
    return a_failure(
        **_identity(number), **place, decision="dead", reason="final", next_attempt_at_ms=None
    )


@st.composite
def _buried(draw: st.DrawFn) -> Buried:
    number = draw(st.integers(0, 2))
    dead_at_ms = START_MS + draw(st.integers(0, 2))
    identity = _identity(number)
    letter = a_letter(
        id=identity["delivery_id"], endpoint=identity["endpoint"], dead_at_ms=dead_at_ms
    )
    delivery = a_delivery(**identity) if draw(st.booleans()) else None
    return buried(letter, delivery, offset=dead_at_ms - START_MS)


@st.composite
def _pending(draw: st.DrawFn) -> Pending:
    number = draw(st.integers(0, 2))
    created_at_ms = START_MS - draw(st.integers(0, 5))
    return Pending(a_delivery(**_identity(number)), created_at_ms, original=f"dlv_of_{number}")


facts = st.one_of(_attempts(), _attempts(), _buried(), _pending())
told = st.builds(
    Told,
    fact=facts,
    partition=st.tuples(st.sampled_from(["attempts", "dead-letter"]), st.integers(0, 1)),
    next_offset=st.integers(1, 50),
)


@st.composite
def repeated_and_shuffled(draw: st.DrawFn, once: list[Told]) -> list[list[Told]]:
    """The same, some of it twice, in another order and in other batches."""
    again = draw(st.lists(st.sampled_from(once), max_size=6)) if once else []
    order = draw(st.permutations([*once, *again]))
    cuts = sorted(draw(st.lists(st.integers(0, len(order)), max_size=4)))
    return [order[start:end] for start, end in zip([0, *cuts], [*cuts, len(order)], strict=True)]
