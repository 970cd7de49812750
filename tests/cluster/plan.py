"""What the soak sends, to whom, and what shall become of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

from tests.faults.whereabouts import Expected, number_in
from tests.receiver import Answer, Behaviour, Receiver, Request
from tests.security.secured_pipeline import SecuredPipeline

ACCOUNT: Final = "acme"
ORDERED: Final = "ordered"
PROFILE: Final = "twelve-twenty"
RARE: Final = "save_calendar_event"
"""A type that the profile knows, so that an endpoint can ask for it."""
SUBJECTS: Final = 16
"""So many keys, so that every partition of the source has some."""
DEDICATED: Final = 6
"""Endpoints with a topic of their own: all but the last."""

FAST: Final = ("fast", "shared")
"""Always answer at once: their arrivals say how long the way through the pipeline took."""
OF_ALL: Final = (*FAST, "slow", "flaky")
REFUSED: Final = "refused"
LATER: Final = "later"
STRICT: Final = "strict"

SLOW_SECONDS: Final = 0.3
_SECONDS_OF_A_ROUND: Final = 60.0
_SECONDS_DOWN: Final = 5.0
"""At the end of each round `flaky` is away for so long: long enough to open its circuit."""
_FAILURES: Final = {4: 1, 11: 2, 17: 3}
"""Of each 25 numbers: how often `flaky` refuses it first."""


def endpoints() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Account, id and members; in this order, as the last one gets no topic of its own."""
    yield ACCOUNT, "fast", {}
    yield ACCOUNT, "slow", {}
    # Through the tiers of 1 s and 5 s, and several times through both.
    yield ACCOUNT, "flaky", _retried("1s", "6s", "15s", "20s", "20s", "20s", "20s", "20s")
    yield ACCOUNT, REFUSED, {"event_types": [RARE], **_retried("1s", "5s")}
    yield ACCOUNT, LATER, {"event_types": [RARE], **_retried("6h")}
    yield ORDERED, STRICT, {"order": "strict", **_retried(*(["1s"] * 9))}
    yield ACCOUNT, "shared", {}


def _retried(*delays: str) -> dict[str, Any]:
    return {"retry": {"delays": list(delays), "jitter": 0}}


def event_of(number: int) -> dict[str, Any]:
    """Of the account that most endpoints are of."""
    return {
        "account": ACCOUNT,
        "type": RARE if is_rare(number) else "made",
        "id": f"e{number}",
        "subject": subject_of(number),
        "data": {"n": number},
    }


def ordered_event_of(number: int) -> dict[str, Any]:
    return {"account": ORDERED, "type": "made", "id": f"o{number}", "data": {"n": number}}


def subject_of(number: int) -> str:
    return f"customer/{number // 2 % SUBJECTS}"


def is_rare(number: int) -> bool:
    """Of those with even numbers, and of those with odd ones."""
    return number % 20 in {6, 7}


@dataclass(frozen=True)
class Wanted:
    """Where each delivery shall be in the end."""

    accepted: set[Expected]
    dead: set[Expected]
    waiting: set[Expected]

    @property
    def all(self) -> set[Expected]:
        return self.accepted | self.dead | self.waiting


def wanted_of(numbers: Collection[int], *, ordered: Collection[int]) -> Wanted:
    rare = [number for number in numbers if is_rare(number)]
    return Wanted(
        {(name, number) for name in OF_ALL for number in numbers}
        | {(STRICT, number) for number in ordered},
        {(REFUSED, number) for number in rare},
        {(LATER, number) for number in rare},
    )


def answers(now: Callable[[], float]) -> Behaviour:
    """The receivers' conduct; `now` is in seconds."""
    tried = Counter[Expected]()
    began = now()

    def answer(request: Request) -> Answer:
        name, number = request.path.removeprefix("/"), number_in(request.body)
        if name == "slow":
            return Answer(delay_seconds=SLOW_SECONDS)
        if name in FAST:
            return Answer()
        tried[(name, number)] += 1
        is_first = tried[(name, number)] == 1
        if name == "flaky":
            is_down = (now() - began) % _SECONDS_OF_A_ROUND > _SECONDS_OF_A_ROUND - _SECONDS_DOWN
            is_refused = tried[(name, number)] <= _FAILURES.get(number % 25, 0)
            return Answer(503 if is_down or is_refused else 204)
        if name == STRICT:
            return Answer(500 if number % 50 == 7 and is_first else 204)
        return Answer(400)  # no failure of the whole endpoint: the circuit stays closed

    return answer


def put_endpoints(secured: SecuredPipeline, receiver: Receiver) -> None:
    """By the API."""
    for account in (ACCOUNT, ORDERED):
        secured.ask("POST", "/v1/accounts", id=account, profile=PROFILE)
    for account, name, members in endpoints():
        url = receiver.url(f"/{name}")
        made = secured.ask("POST", f"/v1/accounts/{account}/endpoints", id=name, url=url, **members)
        secured.topics[name] = made["topic"]


def encoded(event: dict[str, Any]) -> bytes:
    return json.dumps(event).encode()
