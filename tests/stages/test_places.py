"""Places are counted, given in turn, and not held by who merely waits."""

from __future__ import annotations

from pipeline.stages.sender.places import (
    LATE_MS,
    OLD_MS,
    OLD_WHILE_LATE_MS,
    PERIOD_MS,
    PLACES,
    Place,
    Places,
)

NOW_MS = 1_000


def _places() -> Places:
    return Places(is_held=lambda: False)


def _take_all(places: Places, now_ms: int = NOW_MS) -> list[Place]:
    taken: list[Place] = []
    while (place := places.take(now_ms)) is not None:
        taken.append(place)
    return taken


def test_so_many_may_start_and_one_more_for_each_that_ends() -> None:
    places = _places()
    taken = _take_all(places)
    assert len(taken) == PLACES
    places.give_back(taken[7])
    assert len(_take_all(places)) == 1


def test_old_requests_hold_no_place_and_give_none_back_twice() -> None:
    places = _places()
    old = _take_all(places)
    young = _take_all(places, NOW_MS + OLD_MS)
    assert len(young) == PLACES
    for place in old:
        places.give_back(place)
    assert not _take_all(places, NOW_MS + OLD_MS)


def test_a_process_that_comes_late_itself_does_not_take_its_requests_for_waiting_ones() -> None:
    places = _places()
    places.line_up("a", NOW_MS)
    began_ms = NOW_MS + PERIOD_MS
    places.pass_time(began_ms)
    _take_all(places, began_ms)
    late_ms = began_ms + OLD_MS + LATE_MS
    places.pass_time(late_ms)
    assert len(_take_all(places, late_ms)) < PLACES
    # In time again, it is the endpoints that let them wait.
    in_time_ms = late_ms + PERIOD_MS
    places.pass_time(in_time_ms)
    assert len(_take_all(places, in_time_ms)) >= PLACES


def test_even_a_late_process_lets_nobody_hold_a_place_for_long() -> None:
    places = _places()
    _take_all(places)
    places.line_up("a", NOW_MS)
    late_ms = NOW_MS + OLD_WHILE_LATE_MS
    places.pass_time(late_ms)
    assert len(_take_all(places, late_ms)) >= PLACES


def test_endpoints_are_served_in_turn() -> None:
    places = _places()
    taken = _take_all(places)
    for name in ("a", "b", "a", "c"):
        places.line_up(name, NOW_MS)
    assert places.next_in_line(NOW_MS) is None
    places.give_back(taken[0])
    assert places.next_in_line(NOW_MS) == "a"
    places.line_up("a", NOW_MS)
    assert [places.next_in_line(NOW_MS) for _ in range(3)] == ["b", "c", "a"]
    assert not places.has_line


def test_while_somebody_waits_and_more_pays_there_come_more_places() -> None:
    now_ms = NOW_MS
    places = _places()
    taken = _take_all(places, now_ms)
    places.line_up("a", now_ms)
    for _ in range(6):
        now_ms += PERIOD_MS
        for place in taken:
            places.give_back(place)
        places.pass_time(now_ms)
        taken = _take_all(places, now_ms)
    assert len(taken) > 2 * PLACES


def test_while_all_is_held_nobody_starts_and_afterwards_those_in_line_do() -> None:
    held = [True]
    places = Places(is_held=lambda: held[0])
    assert places.take(NOW_MS) is None
    places.line_up("a", NOW_MS)
    assert places.next_in_line(NOW_MS) is None
    held[0] = False
    assert places.next_in_line(NOW_MS) == "a"
    assert places.take(NOW_MS) is not None
