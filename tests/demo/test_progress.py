"""The demo's expectations, and that what differs from them is said."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pipeline.demo.bodies import BODIES
from pipeline.demo.contracts import CONTRACTS
from pipeline.demo.judge import Seen
from pipeline.demo.performance import Result
from pipeline.demo.progress import Deliveries, Progress, problems_of, progress_of, unasked
from pipeline.demo.report import report_lines
from pipeline.demo.scenario import endpoints_document, read_scenario
from pipeline.domain.delivery import Attempt, DeadLetter, Position
from pipeline.resources import PROFILES_DIR

SCENARIO = read_scenario("rabc")
EVENT_IDS = {event.sample: f"id-{event.sample}" for event in SCENARIO.events}
PLACE = Position("webhooks.delivery.x", 0, 0)


def an_attempt(
    number: int, status: int | None, decision: str, *, endpoint: str = "demo-fails-twice"
) -> Attempt:
    return Attempt(
        delivery_id=f"dlv-{endpoint}",
        webhook_id=f"msg-{endpoint}",
        event_id=EVENT_IDS["shop.order.paid"],
        event_type="order.paid",
        subject=None,
        account="harbour-shop",
        endpoint=endpoint,
        cause="event",
        cause_id=None,
        occurred_at_us=0,
        attempt=number,
        started_at_ms=number,
        duration_ms=1.0,
        outcome="accepted" if status == 200 else "refused",
        status=status,
        decision=decision,
        next_attempt_at_ms=None,
        record=PLACE,
    )


def a_request(status: int, *problems: str, endpoint: str = "demo-fails-twice") -> Seen:
    return Seen(endpoint, f"msg-{endpoint}", status, "shop.order.paid", problems)


def a_letter(reason: str, status: int | None, attempts: int, endpoint: str) -> DeadLetter:
    return DeadLetter(
        f"dlv-{endpoint}", reason, 0, PLACE, endpoint=endpoint, attempts=attempts, status=status
    )


RIGHT = Deliveries(
    [an_attempt(1, 500, "retry"), an_attempt(2, 500, "retry"), an_attempt(3, 200, "delivered")],
    [],
    [a_request(500), a_request(500), a_request(200)],
)


def of(known: Deliveries, endpoint: str = "demo-fails-twice") -> Progress:
    found = progress_of(SCENARIO, EVENT_IDS, known)
    return next(each for each in found if each.expected.id == endpoint)


def test_what_went_as_expected_has_no_problems():
    progress = of(RIGHT)
    assert problems_of(progress) == []
    assert progress.is_settled
    assert progress.state == "delivered"
    assert progress.answers == "2 x 500, 200"


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (Deliveries([], [], []), "never tried"),
        (RIGHT._replace(attempts=list(RIGHT.attempts)[:2]), "not delivered"),
        (RIGHT._replace(attempts=list(RIGHT.attempts)[2:]), "got 200 and not 500, 500, 200"),
        (RIGHT._replace(seen=list(RIGHT.seen)[1:]), "the receiver answered 500, 200"),
        (RIGHT._replace(seen=[*RIGHT.seen, a_request(200)]), "the receiver answered"),
        (
            RIGHT._replace(seen=[*list(RIGHT.seen)[:2], a_request(200, "is forged")]),
            "is forged",
        ),
    ],
)
def test_what_differs_is_said(known: Deliveries, said: str):
    assert any(said in problem for problem in problems_of(of(known)))


@pytest.mark.parametrize(
    ("letters", "said"),
    [
        ([], "has no dead letter"),
        ([a_letter("exhausted", 410, 1, "demo-gone")], "exhausted"),
        ([a_letter("gone", 410, 2, "demo-gone")], "2"),
        ([a_letter("gone", 410, 1, "demo-gone")], None),
    ],
)
def test_a_dead_letter_has_to_say_the_right_thing(letters: list[DeadLetter], said: str | None):
    attempts = [an_attempt(1, 410, "dead", endpoint="demo-gone")]
    seen = [a_request(410, endpoint="demo-gone")]
    problems = problems_of(of(Deliveries(attempts, letters, seen), "demo-gone"))
    assert bool(problems) == (said is not None)
    assert said is None or said in " ".join(problems)


def test_a_repeated_attempt_counts_once():
    repeated = [*RIGHT.attempts, an_attempt(3, 200, "delivered")]
    assert problems_of(of(RIGHT._replace(attempts=repeated))) == []


def test_a_request_that_belongs_to_nothing_is_said_if_it_is_wrong():
    stray = Seen("demo-standard", "msg-other", 204, None, ("the body is none",))
    progress = progress_of(SCENARIO, EVENT_IDS, RIGHT)
    assert unasked(RIGHT._replace(seen=[*RIGHT.seen, stray]), progress) == [
        "demo-standard: the body is none"
    ]


def test_the_report_ends_with_what_is_wrong():
    progress = [of(RIGHT)]
    assert list(report_lines(Result(progress, [])))[-1] == "everything arrived as it should"
    lines = list(report_lines(Result(progress, ["demo-x: was never tried"])))
    assert "demo-x: was never tried" in lines[-1]
    assert not any("as it should" in line for line in lines[:1])


def test_every_endpoint_is_applied_expected_and_has_a_contract():
    names = ("receiver", "nobody", "token", "text_secret", "hmac_secret", "ed25519_key")
    document = yaml.safe_load(endpoints_document(dict.fromkeys(names, "x")))
    applied = {
        endpoint["id"] for account in document["accounts"] for endpoint in account["endpoints"]
    }
    assert applied == {endpoint.id for endpoint in SCENARIO.endpoints}
    assert {endpoint.contract for endpoint in SCENARIO.endpoints} == set(CONTRACTS) == set(BODIES)
    published = {event.sample for event in SCENARIO.events}
    assert {sample for endpoint in SCENARIO.endpoints for sample in endpoint.events} == published


def test_every_shipped_profile_is_shown():
    text = endpoints_document(
        dict.fromkeys(
            ("receiver", "nobody", "token", "text_secret", "hmac_secret", "ed25519_key"), "x"
        )
    ).decode()
    shipped = [path.stem for path in Path(PROFILES_DIR).glob("*.yaml")]
    assert shipped
    assert [name for name in shipped if f"profile: {name}" not in text] == []
