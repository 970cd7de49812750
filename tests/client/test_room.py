"""Room for what is not acknowledged: never more than there is, first come, first served."""

from __future__ import annotations

from concurrent.futures import Future

from hypothesis import given
from hypothesis import strategies as st

from pipeline.client.room import Room


def test_who_finds_no_room_gets_it_when_another_gives_it_back():
    room = Room(most_events=1, most_bytes=100)
    assert room.take(1) is None
    second, third = room.take(1), room.take(1)
    assert second is not None
    assert third is not None
    room.give_back(1)
    assert (second.done(), third.done()) == (True, False)
    room.give_back(1)
    assert third.done()


def test_nobody_overtakes_who_waits_for_more_room():
    room = Room(most_events=10, most_bytes=100)
    assert room.take(60) is None
    large = room.take(60)
    small = room.take(1)
    assert large is not None
    assert small is not None
    room.give_back(60)
    assert large.done()
    assert small.done()


def test_what_is_larger_than_all_room_gets_in_alone():
    room = Room(most_events=10, most_bytes=100)
    assert room.take(1_000) is None
    waiting = room.take(1)
    assert waiting is not None
    room.give_back(1_000)
    assert waiting.done()


def test_who_waits_no_longer_leaves_the_room_to_the_next():
    room = Room(most_events=1, most_bytes=100)
    room.take(1)
    first, second = room.take(1), room.take(1)
    assert first is not None
    assert second is not None
    assert first.cancel()
    room.give_back(1)
    assert second.done()


@given(
    steps=st.lists(st.tuples(st.sampled_from(["take", "give", "cancel"]), st.integers(1, 60))),
)
def test_whatever_happens_no_more_is_in_than_fits_and_nobody_waits_beside_free_room(
    steps: list[tuple[str, int]],
):
    room = Room(most_events=3, most_bytes=100)
    inside: list[int] = []
    waiting: list[tuple[int, Future[None]]] = []
    for step, size in steps:
        if step == "take":
            turn = room.take(size)
            if turn is None:
                inside.append(size)
            else:
                waiting.append((size, turn))
        elif step == "give" and inside:
            room.give_back(inside.pop(0))
        elif step == "cancel" and waiting:
            waiting.pop(0)[1].cancel()
        inside.extend(size for size, turn in waiting if turn.done() and not turn.cancelled())
        waiting = [(size, turn) for size, turn in waiting if not turn.done()]
        assert len(inside) <= 3
        assert len(inside) <= 1 or sum(inside) <= 100
        assert not waiting or inside
