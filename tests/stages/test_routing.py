"""What an event becomes: whole deliveries, one for each endpoint, or one dead letter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import msgspec
import pytest

from pipeline.domain.delivery import Cause, Delivery, Position, Reason
from pipeline.domain.directory import Directory
from pipeline.domain.endpoint import Account, BodyChoice, Endpoint
from pipeline.domain.event import Event
from pipeline.domain.identifiers import delivery_id, webhook_id
from pipeline.domain.profile_table import Profiles
from pipeline.domain.relation import Relation
from pipeline.domain.stars import Stars
from pipeline.flow import Emit, Partition, Record
from pipeline.ports import EmitRefused
from pipeline.stages.dead_lettering import DeadLettering
from pipeline.stages.router.contents import MOST_KEPT_BODIES
from pipeline.stages.router.routing import Routing
from pipeline.stages.router.routing_ports import RoutingPorts
from pipeline.telemetry.instruments import DELIVERIES_CREATED, EVENTS_ROUTED
from pipeline.telemetry.spans import Spans
from pipeline.telemetry.tally import Tally
from pipeline.wiring.endpoint_cache import EndpointCache
from pipeline.wiring.endpoint_routes import EndpointRoutes
from tests.domain.builders import an_event, rendered, shipped_profile
from tests.kafka.record_values import CODEC
from tests.telemetry.test_spans import collecting

PROFILES = {
    name: shipped_profile(name)
    for name in ("standard-webhooks", "twelve-twenty", "twelve-build", "cloudevents")
}
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Rig(NamedTuple):
    routing: Routing
    directory: Directory
    tally: Tally
    stars: Stars


def a_rig(spans: Spans | None = None) -> Rig:
    directory, stars, tally = Directory(), Stars(), Tally()
    profiles = Profiles(PROFILES)
    ports = RoutingPorts(
        records=CODEC,
        directory=directory,
        stars=stars,
        profiles=profiles,
        route=EndpointCache(EndpointRoutes(profiles.get, CODEC).route).get,
        dead=DeadLettering("dead-letter", CODEC, now_ms=lambda: 7, tally=tally),
        tally=tally,
        spans=spans or Spans(None),
    )
    return Rig(Routing(ports), directory, tally, stars)


@pytest.fixture
def rig() -> Rig:
    return a_rig()


def put_endpoints(rig: Rig, count: int, profile: str, **changes: object) -> list[Endpoint]:
    rig.directory.put_account(Account("acme", profile, version=1))
    endpoints = [
        Endpoint(f"ep_{n}", "acme", profile, f"delivery.ep_{n}", version=100 + n)
        for n in range(count)
    ]
    endpoints = [replace(endpoint, **changes) for endpoint in endpoints]
    for endpoint in endpoints:
        rig.directory.put_endpoint(endpoint)
    return endpoints


def a_record(event: Event, headers: list[tuple[str, bytes | None]] | None = None) -> Record:
    value = CODEC.encode_event(event)
    return Record(Partition("orders", 3), 4_711, b"acme", value, 1_772_449_200_000, headers)


def emits_of(rig: Rig, event: Event) -> list[Emit]:
    return [emit for emit, _ in rig.routing.routed(a_record(event))]


def deliveries_of(rig: Rig, event: Event) -> list[Delivery]:
    return [CODEC.decode_delivery(emit.value) for emit in emits_of(rig, event)]


def test_each_endpoint_gets_a_whole_delivery_in_its_topic_under_its_own_key(rig: Rig):
    endpoints = put_endpoints(rig, 3, "standard-webhooks")
    event = an_event(b'{"n": 1.50}', subject="company/4", metadata={"a": "b"})
    emits = emits_of(rig, event)
    assert [(emit.topic, emit.key) for emit in emits] == [
        (endpoint.topic, endpoint.id.encode()) for endpoint in endpoints
    ]
    for emit, endpoint in zip(emits, endpoints, strict=True):
        webhook = webhook_id(event.id, endpoint=endpoint.id)
        assert CODEC.decode_delivery(emit.value) == Delivery(
            delivery_id=delivery_id(webhook, cause=Cause.EVENT, cause_id=None),
            webhook_id=webhook,
            endpoint=endpoint.id,
            endpoint_version=endpoint.version,
            attempt=1,
            first_attempt_at_ms=None,
            due_at_ms=None,
            parked=0,
            cause=Cause.EVENT,
            cause_id=None,
            account=event.account,
            event_id=event.id,
            event_type=event.type,
            subject=event.subject,
            occurred_at_us=event.time_us,
            body=b'{"type":"person.created","timestamp":"2026-03-02T12:00:00Z","data":{"n":1.50}}',
            content_type="application/json",
            headers={},
            source=Position("orders", 3, 4_711),
        )


@pytest.mark.parametrize("profile", ["cloudevents", "twelve-build"])
def test_bodies_and_headers_are_those_of_the_profile_for_this_very_endpoint(rig: Rig, profile: str):
    put_endpoints(rig, 3, profile)
    rig.stars.put(Relation("acme", "1", "gold"))
    event = an_event('{"current":{"a":1}}', type="Message.created", subject="company/1")
    deliveries = deliveries_of(rig, event)
    assert len(deliveries) == 3
    for delivery in deliveries:
        expected = rendered(PROFILES[profile], event, endpoint=delivery.endpoint)
        assert (delivery.body, delivery.content_type, delivery.headers) == expected


def test_endpoints_with_bodies_of_their_own_get_their_own_however_many_there_are(rig: Rig):
    count = MOST_KEPT_BODIES + 3
    rig.directory.put_account(Account("acme", "twelve-twenty", version=1))
    for n in range(count * 2):
        body = BodyChoice(template=f'{{"body":{n % count},"id":"$.event.id"}}')
        endpoint = Endpoint(f"ep_{n}", "acme", "twelve-twenty", "t", version=n, body=body)
        rig.directory.put_endpoint(endpoint)
    assert [msgspec.json.decode(each.body) for each in deliveries_of(rig, an_event())] == [
        {"body": n % count, "id": "evt_1"} for n in range(count * 2)
    ]


def test_the_new_version_of_an_endpoint_is_in_the_deliveries_that_follow(rig: Rig):
    (endpoint,) = put_endpoints(rig, 1, "twelve-twenty")
    deliveries_of(rig, an_event())
    rig.directory.put_endpoint(replace(endpoint, version=200))
    (delivery,) = deliveries_of(rig, an_event())
    assert delivery.endpoint_version == 200


@pytest.mark.parametrize(
    ("refused", "reason"),
    [
        (EmitRefused("too large", too_large=True), Reason.OVERSIZE),
        (EmitRefused("no topic", too_large=False), Reason.ENDPOINT_UNAVAILABLE),
    ],
)
def test_a_delivery_that_is_refused_becomes_a_dead_letter_that_holds_it(
    rig: Rig, refused: EmitRefused, reason: Reason
):
    put_endpoints(rig, 2, "standard-webhooks")
    for emit, instead in rig.routing.routed(a_record(an_event())):
        letter = CODEC.decode_dead_letter(taken(instead)(refused).value)
        assert (letter.reason, letter.delivery) == (reason, emit.value)
        assert letter.source == Position("orders", 3, 4_711)


def taken(instead: Callable[[EmitRefused], Emit] | None) -> Callable[[EmitRefused], Emit]:
    assert instead is not None
    return instead


def only_dead_letter_of(rig: Rig, record: Record) -> tuple[str, str | None]:
    ((emit, instead),) = rig.routing.routed(record)
    letter = CODEC.decode_dead_letter(emit.value)
    assert (emit.topic, instead, letter.raw) == ("dead-letter", None, record.value)
    return letter.reason, letter.error


def test_an_event_that_no_endpoint_can_have_is_one_dead_letter_with_its_bytes(rig: Rig):
    put_endpoints(rig, 3, "twelve-build")
    reason, error = only_dead_letter_of(rig, a_record(an_event(type="Company.updated")))
    assert reason == Reason.NO_SUBJECT
    assert error == "endpoint ep_0: Company.updated needs a subject company/<id>"


def test_an_event_that_some_endpoints_can_have_reaches_them(rig: Rig):
    profiles = ("twelve-build", "twelve-twenty", "no-such-profile", "twelve-twenty")
    rig.directory.put_account(Account("acme", "twelve-twenty", version=1))
    for n, profile in enumerate(profiles):
        rig.directory.put_endpoint(Endpoint(f"ep_{n}", "acme", profile, f"to.{n}", version=n))
    topics = [emit.topic for emit in emits_of(rig, an_event(type="Company.updated"))]
    assert topics == ["dead-letter", "to.1", "to.3"]


def test_what_is_no_event_is_a_dead_letter(rig: Rig):
    record = a_record(an_event())._replace(value=b"\x00garbage")
    reason, _ = only_dead_letter_of(rig, record)
    assert reason == Reason.UNDECODABLE
    assert rig.tally.read(EVENTS_ROUTED) == {"undecodable": 1}


def test_events_and_deliveries_are_counted_once(rig: Rig):
    put_endpoints(rig, 3, "twelve-twenty", event_types=("person.*",))
    for event_type in ("person.created", "person.updated", "order.created"):
        emits_of(rig, an_event(type=event_type))
    for _ in range(2):
        rig.routing.count()
        assert rig.tally.read(EVENTS_ROUTED) == {"matched": 2, "unmatched": 1}
        assert rig.tally.read(DELIVERIES_CREATED) == {"": 6}


def test_the_producers_trace_goes_on_in_every_delivery(rig: Rig):
    put_endpoints(rig, 2, "twelve-twenty")
    record = a_record(an_event(), [("traceparent", TRACE.encode()), ("other", b"x")])
    headers = [emit.headers for emit, _ in rig.routing.routed(record)]
    assert headers == [[("traceparent", TRACE.encode())]] * 2


@pytest.mark.parametrize("headers", [None, [("traceparent", TRACE.encode())]])
def test_with_a_collector_all_deliveries_are_below_one_span_of_the_event(
    headers: list[tuple[str, bytes | None]] | None,
):
    spans, exporter = collecting()
    rig = a_rig(spans)
    put_endpoints(rig, 2, "twelve-twenty")
    found = [dict(e.headers or ()) for e, _ in rig.routing.routed(a_record(an_event(), headers))]
    (span,) = exporter.get_finished_spans()
    assert span.context is not None
    assert span.name == "process orders"
    assert dict(span.attributes or {})["pipeline.event.id"] == "evt_1"
    names = {each["traceparent"].decode().split("-")[2] for each in found}
    assert names == {f"{span.context.span_id:016x}"}
