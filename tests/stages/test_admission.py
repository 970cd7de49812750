"""Which endpoints an event reaches: stars, filters, switches; and what is told of it is so."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.admission import AccountView, Admission, Explanation, explain
from pipeline.domain.delivery import Reason
from pipeline.domain.endpoint import Account, Endpoint, EndpointStatus
from pipeline.domain.event import Event
from pipeline.domain.relation import Relation
from pipeline.telemetry.instruments import DELIVERIES_CREATED, EVENTS_ROUTED
from tests.domain.builders import an_event
from tests.kafka.record_values import CODEC
from tests.stages.test_routing import (
    PROFILES,
    Rig,
    a_record,
    a_rig,
    deliveries_of,
    emits_of,
    only_dead_letter_of,
    put_endpoints,
)

UPDATED = an_event(
    '{"current":{"id":4},"previous":null}', type="Company.updated", subject="company/4"
)


@pytest.fixture
def rig() -> Rig:
    return a_rig()


def put(
    rig: Rig, account: str, endpoint: str, profile: str = "twelve-build", **has: object
) -> None:
    rig.directory.put_account(Account(account, profile, version=1))
    made = Endpoint(endpoint, account, profile, f"to.{endpoint}", version=1)
    rig.directory.put_endpoint(replace(made, **has))


def reached(rig: Rig, event: Event) -> list[tuple[str, str]]:
    return [(each.account, each.endpoint) for each in deliveries_of(rig, event)]


@pytest.mark.parametrize("star", ["green", "gold", "black"])
def test_an_account_with_a_star_on_the_company_is_told(rig: Rig, star: str):
    put(rig, "acme", "ep_1")
    rig.stars.put(Relation("acme", "4", star))
    assert reached(rig, UPDATED) == [("acme", "ep_1")]


@pytest.mark.parametrize(
    "relation",
    [
        Relation("acme", "5", "gold"),
        Relation("other", "4", "gold"),
        Relation("acme", "4", None),
        Relation("acme", "4", "purple"),
    ],
)
def test_without_such_a_star_nobody_is_told_and_nothing_is_dead(rig: Rig, relation: Relation):
    put(rig, "acme", "ep_1")
    rig.stars.put(relation)
    assert emits_of(rig, UPDATED) == []
    rig.routing.count()
    assert rig.tally.read(EVENTS_ROUTED) == {"matched": 0, "unmatched": 1}


def test_a_star_counts_from_the_next_event_on_until_it_is_taken_away(rig: Rig):
    put(rig, "acme", "ep_1")
    seen = [reached(rig, UPDATED)]
    for star in ("gold", None):
        rig.stars.put(Relation("acme", "4", star))
        seen.append(reached(rig, UPDATED))
    assert seen == [[], [("acme", "ep_1")], []]


@pytest.mark.parametrize("kind", ["CompanyRelation", "CompanyRelationData"])
@pytest.mark.parametrize(
    ("data", "told"),
    [
        ('{"current":{"star":"gold"},"previous":null}', 1),
        ('{"current":null,"previous":{"star":"green"}}', 1),
        ('{"current":{"star":null},"previous":{"star":"black"}}', 1),
        ('{"current":{"star":null},"previous":{}}', 0),
        ('{"current":{"star":"purple"},"previous":{"star":["x"]}}', 0),
        ('{"star":"gold"}', 0),
        ("null", 0),
    ],
)
def test_a_change_of_a_relation_is_told_by_the_stars_it_had_and_has(
    rig: Rig, kind: str, data: str, told: int
):
    put(rig, "acme", "ep_1")
    event = an_event(data, type=f"{kind}.updated", subject="company/4")
    assert len(reached(rig, event)) == told


def test_events_about_no_company_and_endpoints_of_other_profiles_need_no_star(rig: Rig):
    put(rig, "acme", "ep_1")
    put(rig, "acme", "ep_2", "standard-webhooks")
    assert reached(rig, UPDATED) == [("acme", "ep_2")]
    assert len(reached(rig, UPDATED._replace(type="Invoice.paid", subject=None))) == 2


def test_an_event_for_every_account_goes_to_those_with_a_star_as_their_own(rig: Rig):
    for account, star in {"a": "gold", "b": "green", "c": None}.items():
        put(rig, account, f"ep_{account}")
        rig.stars.put(Relation(account, "4", star))
    put(rig, "a", "ep_other_profile", "standard-webhooks")
    put(rig, "b", "ep_other_type", event_types=("Document.*",))
    put(rig, "a", "ep_removed", status=EndpointStatus.REMOVED)
    assert reached(rig, UPDATED._replace(account="*")) == [("a", "ep_a"), ("b", "ep_b")]
    rig.routing.count()
    assert rig.tally.read(DELIVERIES_CREATED) == {"": 2}
    assert rig.tally.read(EVENTS_ROUTED) == {"matched": 1, "unmatched": 0}


def test_what_an_event_for_every_account_says_of_its_account_is_the_receivers(rig: Rig):
    template = '{"to":"$.event.account","n":"$.event.data.n"}'
    body = Endpoint("ep_a", "a", "twelve-build", "t").body
    for account in ("a", "b"):
        own = replace(body, template=template)
        put(rig, account, f"ep_{account}", body=own)
        rig.stars.put(Relation(account, "4", "gold"))
    event = an_event('{"n":1.50}', type="Company.updated", subject="company/4", account="*")
    bodies = [delivery.body for delivery in deliveries_of(rig, event)]
    assert bodies == [b'{"to":"a","n":1.50}', b'{"to":"b","n":1.50}']


def test_a_changed_relation_for_every_account_needs_both_kinds_of_star(rig: Rig):
    put(rig, "a", "ep_a")
    event = an_event('{"current":{"star":"gold"}}', type="CompanyRelation.created", account="*")
    event = event._replace(subject="company/4")
    assert reached(rig, event) == []
    rig.stars.put(Relation("a", "4", "gold"))
    assert reached(rig, event) == [("a", "ep_a")]
    assert reached(rig, event._replace(data=b"{}")) == []


@pytest.mark.parametrize("subject", [None, "company/", "account/4"])
def test_an_event_for_every_account_without_a_company_is_a_dead_letter(
    rig: Rig, subject: str | None
):
    event = UPDATED._replace(account="*", subject=subject)
    reason, error = only_dead_letter_of(rig, a_record(event))
    assert (reason, error) == (Reason.NO_SUBJECT, "Company.updated needs a subject company/<id>")


def test_an_event_for_every_account_that_no_profile_has_relations_for_reaches_nobody(rig: Rig):
    put(rig, "a", "ep_a")
    rig.stars.put(Relation("a", "4", "gold"))
    assert emits_of(rig, UPDATED._replace(account="*", type="Invoice.paid")) == []


def test_a_filter_decides_for_each_endpoint(rig: Rig):
    for n, amount in enumerate((5, 100, 150)):
        text = f'{{"data.amount": {{"$gte": {amount}}}}}'
        put(rig, "acme", f"ep_{n}", "standard-webhooks", filter=text)
    assert reached(rig, an_event('{"amount": 100}')) == [("acme", "ep_0"), ("acme", "ep_1")]


def test_an_event_whose_data_a_filter_cannot_read_is_one_dead_letter(rig: Rig):
    put_endpoints(rig, 2, "standard-webhooks", filter='{"data.a": 1}')
    reason, _ = only_dead_letter_of(rig, a_record(an_event("[" * 200 + "]" * 200)))
    assert reason == Reason.UNDECODABLE


def test_a_filter_that_this_version_cannot_read_loses_nothing(rig: Rig):
    put_endpoints(rig, 1, "standard-webhooks", filter='{"data.a": {"$near": 1}}')
    reason, error = only_dead_letter_of(rig, a_record(an_event()))
    assert reason == Reason.UNDECODABLE
    assert "$near" in (error or "")


def test_what_a_profile_offers_as_a_filter_is_one(rig: Rig):
    rig = a_rig()
    put(rig, "acme", "ep_1", "twelve-twenty", filter='{"metadata.project": "north"}')
    assert reached(rig, an_event(metadata={"project": "north"})) == [("acme", "ep_1")]
    assert reached(rig, an_event(metadata={"project": "south"})) == []


def test_an_account_that_is_switched_off_gets_nothing(rig: Rig):
    put(rig, "acme", "ep_1", "standard-webhooks")
    off = Account("acme", "standard-webhooks", webhooks_enabled=False, version=2)
    rig.directory.put_account(off)
    assert emits_of(rig, an_event()) == []


# What is told is so.


class Case(NamedTuple):
    account: Account | None
    endpoints: list[Endpoint]
    relations: list[Relation]
    event: Event


_ENDPOINTS = st.builds(
    Endpoint,
    st.just(""),
    st.just("acme"),
    st.sampled_from(["twelve-build", "standard-webhooks", "no-such-profile"]),
    st.just("to"),
    event_types=st.sampled_from(
        [(), ("Company.*",), ("*.updated", "Invoice.paid"), ("Message.updated",)]
    ),
    filter=st.sampled_from(
        [None, '{"data.n": 1}', '{"subject": "company/1"}', '{"type": {"$neq": "a"}}', "{"]
    ),
    status=st.sampled_from([*EndpointStatus]),
)
_ACCOUNTS = st.none() | st.builds(
    Account,
    st.just("acme"),
    st.just("twelve-build"),
    webhooks_enabled=st.sampled_from([True, True, True, False]),
    removed=st.sampled_from([False, False, False, True]),
    version=st.just(1),
)
_RELATIONS = st.builds(
    Relation,
    st.sampled_from(["acme", "acme", "other"]),
    st.sampled_from(["1", "2"]),
    st.sampled_from(["gold", "green", "purple", None]),
)
_EVENTS = st.builds(
    an_event,
    st.sampled_from(
        ["{}", '{"n":1}', '{"current":{"star":"gold"}}', "[" * 200 + "]" * 200, '"text"']
    ),
    type=st.sampled_from(
        ["Company.updated", "CompanyRelation.updated", "Invoice.paid", "Message.updated"]
    ),
    subject=st.sampled_from(["company/1", "company/2", None, "company/"]),
    account=st.sampled_from(["acme", "acme", "*", "other"]),
)
CASES = st.builds(
    Case, _ACCOUNTS, st.lists(_ENDPOINTS, max_size=5), st.lists(_RELATIONS, max_size=4), _EVENTS
)


def explained(case: Case, rig: Rig, endpoints: list[Endpoint]) -> list[Explanation]:
    view = AccountView(case.account, endpoints, PROFILES.get, rig.stars.star)
    return explain(case.event, view)


@settings(deadline=None, max_examples=600)
@given(CASES)
def test_what_is_explained_is_what_is_routed(case: Case):
    rig = a_rig()
    endpoints = [
        replace(endpoint, id=f"ep_{n}", version=1) for n, endpoint in enumerate(case.endpoints)
    ]
    if case.account is not None:
        rig.directory.put_account(case.account)
    for endpoint in endpoints:
        rig.directory.put_endpoint(endpoint)
    for relation in case.relations:
        rig.stars.put(relation)
    told = explained(case, rig, endpoints)
    emits = emits_of(rig, case.event)
    delivered = {CODEC.decode_delivery(e.value).endpoint for e in emits if e.topic == "to"}
    buried = any(emit.topic == "dead-letter" for emit in emits)
    # A body is not tried: the same data would make a dead letter of it.
    unreadable = case.event.data.startswith(b"[[")
    reaching = {each.endpoint for each in told if each.admission.reaches}
    assert delivered == (set() if unreadable else reaching)
    problems = {each.admission for each in told} & {Admission.NO_SUBJECT, Admission.UNREADABLE}
    if case.event.account == "acme":
        assert buried == bool(problems or (unreadable and reaching))


@pytest.mark.parametrize(
    ("has", "change", "admission"),
    [
        ({}, {}, Admission.ADMITTED),
        ({"status": EndpointStatus.INACTIVE}, {}, Admission.HELD),
        ({"status": EndpointStatus.REMOVED}, {}, Admission.ENDPOINT_REMOVED),
        ({}, {"account": "other"}, Admission.OTHER_ACCOUNT),
        ({"event_types": ("a",)}, {}, Admission.EVENT_TYPE),
        ({}, {"subject": "company/5"}, Admission.NO_STAR),
        ({}, {"subject": None}, Admission.NO_SUBJECT),
        ({"filter": '{"data.n": 1}'}, {}, Admission.FILTER),
        ({"filter": "{"}, {}, Admission.UNREADABLE),
        ({"profile": "unknown"}, {}, Admission.UNREADABLE),
        ({"profile": "standard-webhooks"}, {"account": "*"}, Admission.NOT_CONCERNED),
        ({}, {"account": "*"}, Admission.ADMITTED),
    ],
)
def test_why_an_event_reaches_an_endpoint_or_not_is_told(
    rig: Rig, has: dict[str, object], change: dict[str, object], admission: Admission
):
    rig.stars.put(Relation("acme", "4", "gold"))
    endpoint = replace(Endpoint("ep_1", "acme", "twelve-build", "to"), **has)
    account = Account("acme", "twelve-build")
    case = Case(account, [], [], UPDATED._replace(**change))
    (told,) = explained(case, rig, [endpoint])
    assert (told.endpoint, told.admission) == ("ep_1", admission)
    assert told.text


@pytest.mark.parametrize(
    ("change", "admission"),
    [
        ({"webhooks_enabled": False}, Admission.WEBHOOKS_DISABLED),
        ({"removed": True}, Admission.ACCOUNT_REMOVED),
    ],
)
def test_an_account_that_takes_no_events_is_told_for_each_endpoint(
    rig: Rig, change: dict[str, bool], admission: Admission
):
    account = replace(Account("acme", "twelve-build"), **change)
    endpoints = [Endpoint(f"ep_{n}", "acme", "twelve-build", "to") for n in range(2)]
    told = explained(Case(account, [], [], UPDATED), rig, endpoints)
    assert [each.admission for each in told] == [admission] * 2
