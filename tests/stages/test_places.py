"""Places are counted, given in turn, and not held by who merely waits."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.stages.sender.places import OLD_MS, PERIOD_MS, PLACES, Place, Places


@dataclass
class Clock:
    ms: int = 1_000

    def __call__(self) -> int:
        return self.ms


def _take_all(places: Places) -> list[Place]:
    taken: list[Place] = []
    while (place := places.take()) is not None:
        taken.append(place)
    return taken


def test_so_many_may_start_and_one_more_for_each_that_ends() -> None:
    places = Places(Clock())
    taken = _take_all(places)
    assert len(taken) == PLACES
    places.give_back(taken[7])
    assert len(_take_all(places)) == 1


def test_old_requests_hold_no_place_and_give_none_back_twice() -> None:
    clock = Clock()
    places = Places(clock)
    old = _take_all(places)
    clock.ms += OLD_MS
    young = _take_all(places)
    assert len(young) == PLACES
    for place in old:
        places.give_back(place)
    assert not _take_all(places)


def test_endpoints_are_served_in_turn() -> None:
    places = Places(Clock())
    taken = _take_all(places)
    for name in ("a", "b", "a", "c"):
        places.line_up(name)
    assert places.next_in_line() is None
    places.give_back(taken[0])
    assert places.next_in_line() == "a"
    places.line_up("a")
    assert [places.next_in_line() for _ in range(3)] == ["b", "c", "a"]
    assert not places.has_line


def test_while_somebody_waits_and_more_pays_there_come_more_places() -> None:
    clock = Clock()
    places = Places(clock)
    taken = _take_all(places)
    places.line_up("a")
    for _ in range(6):
        clock.ms += PERIOD_MS
        for place in taken:
            places.give_back(place)
        places.pass_time()
        taken = _take_all(places)
    assert len(taken) > 2 * PLACES
