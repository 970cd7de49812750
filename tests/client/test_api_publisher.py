"""Publishing over HTTP to a server that answers as the API may: what is repeated, what is told."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence

import pytest

from pipeline.client.api import api_publisher, async_api_publisher
from pipeline.client.event import Event
from pipeline.client.failures import NotPublished, UnusableOptions
from pipeline.client.outlet import Limits
from pipeline.domain.unpublished import Fate
from tests.receiver import Answer, Receiver, Request, receiving
from tests.running_pipeline import eventually

KEY = "op_a-key"
SOON = Limits(give_up_seconds=1.0)


def an_event(number: int = 1) -> Event:
    return Event("shop", "order.paid", {"id": number})


def events_in(request: Request) -> list[dict[str, object]]:
    document = json.loads(request.body)
    return document["events"] if request.path == "/v1/events/batch" else [document]


def ids_in(requests: Sequence[Request]) -> list[object]:
    return [event["id"] for request in requests for event in events_in(request)]


def taken(request: Request) -> Answer:
    ids = [event["id"] for event in events_in(request)]
    told = {"ids": ids} if request.path == "/v1/events/batch" else {"id": ids[0]}
    return Answer(202, body=json.dumps(told).encode())


def problem(status: int, *errors: tuple[str, str], **headers: str) -> Answer:
    content = {
        "title": "No",
        "detail": "It cannot be.",
        "status": status,
        "errors": [{"pointer": pointer, "detail": detail} for pointer, detail in errors],
    }
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Answer(status, headers=named, body=json.dumps(content).encode())


def first_then_taken(*answers: Answer) -> Callable[[Request], Answer]:
    left = list(answers)
    return lambda request: left.pop(0) if left else taken(request)


def test_one_event_is_posted_with_the_key_and_under_the_name_of_its_content():
    event = an_event()
    with receiving(taken) as api, api_publisher(api.url("/"), KEY) as publisher:
        assert publisher.publish(event) == event.id
        assert publisher.publish(Event.from_json(event.to_json())) == event.id
        first, again = api.requests
    assert (first.path, first.body) == ("/v1/events", event.to_json())
    assert first.header("authorization") == f"Bearer {KEY}"
    assert first.header("content-type") == "application/json"
    assert (first.header("idempotency-key") or "") != ""
    assert first.header("idempotency-key") == again.header("idempotency-key")
    assert first.body == again.body


def test_what_gathers_behind_a_request_goes_in_batches_and_in_order():
    events = [an_event(number) for number in range(2_500)]
    with receiving(taken) as api, api_publisher(api.url("/"), KEY) as publisher:
        assert publisher.publish_all(events) == [event.id for event in events]
        assert ids_in(api.requests) == [event.id for event in events]
        sizes = [len(events_in(request)) for request in api.requests]
    assert max(sizes) <= 1_000
    assert len(sizes) < 100


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504])
def test_what_may_succeed_later_is_repeated_with_the_same_ids_and_key(status: int):
    event = an_event()
    with receiving(first_then_taken(problem(status))) as api:
        with api_publisher(api.url("/"), KEY) as publisher:
            assert publisher.publish(event) == event.id
        first, again = api.requests
    assert first.body == again.body
    assert first.header("idempotency-key") == again.header("idempotency-key")


def test_a_connection_that_breaks_is_repeated():
    with receiving(first_then_taken(Answer(close=True), Answer(close=True))) as api:
        with api_publisher(api.url("/"), KEY) as publisher:
            publisher.publish(an_event())
        assert len(api.requests) == 3


def test_retry_after_is_honoured():
    with receiving(first_then_taken(problem(503, retry_after="1"))) as api:
        with api_publisher(api.url("/"), KEY) as publisher:
            publisher.publish(an_event())
        first, again = api.requests
    assert again.at - first.at >= 0.95


def test_who_is_told_to_come_back_after_the_time_is_over_is_told_at_once():
    begun = time.monotonic()
    with (
        receiving(lambda _: problem(429, retry_after="60")) as api,
        api_publisher(api.url("/"), KEY) as publisher,
        pytest.raises(NotPublished, match="HTTP 429 It cannot be"),
    ):
        publisher.publish(an_event())
    assert time.monotonic() - begun < 5


def test_an_api_that_does_not_recover_is_told_within_its_time():
    event = an_event()
    with (
        receiving(lambda _: problem(503)) as api,
        api_publisher(api.url("/"), KEY, limits=SOON) as publisher,
        pytest.raises(NotPublished, match="HTTP 503") as failed,
    ):
        publisher.publish(event)
    assert failed.value.unacknowledged == [event]
    assert failed.value.failures[0].fate is Fate.UNCERTAIN


def test_where_nobody_listens_the_event_was_certainly_not_sent():
    with (
        api_publisher("http://127.0.0.1:9", KEY, limits=SOON) as publisher,
        pytest.raises(NotPublished, match=r"http://127\.0\.0\.1:9") as failed,
    ):
        publisher.publish(an_event())
    assert failed.value.failures[0].fate is Fate.UNSENT


def refusing(bad: set[str]) -> Callable[[Request], Answer]:
    """Takes a request only without these events, and names them by their place."""

    def answer(request: Request) -> Answer:
        events = events_in(request)
        at = "/events/{}/type" if request.path == "/v1/events/batch" else "/type"
        errors = [
            (at.format(place), "unknown")
            for place, event in enumerate(events)
            if event["id"] in bad
        ]
        return problem(422, *errors) if errors else taken(request)

    return answer


def test_events_that_a_batch_is_refused_for_are_told_and_the_others_are_published():
    events = [an_event(number) for number in range(50)]
    bad = {events[7].id, events[30].id, events[49].id}
    with receiving(refusing(bad)) as api:
        with (
            api_publisher(api.url("/"), KEY) as publisher,
            pytest.raises(NotPublished, match=r"3 of 50 .*type: unknown") as failed,
        ):
            publisher.publish_all(events)
        accepted = ids_in(api.accepted)
    assert {event.id for event in failed.value.refused} == bad
    assert failed.value.unacknowledged == []
    assert accepted == [event.id for event in events if event.id not in bad]


def test_a_batch_that_is_too_large_is_published_in_parts():
    events = [an_event(number) for number in range(40)]

    def answer(request: Request) -> Answer:
        return problem(413) if len(events_in(request)) > 6 else taken(request)

    with receiving(answer) as api:
        with api_publisher(api.url("/"), KEY) as publisher:
            publisher.publish_all(events)
        assert ids_in(api.accepted) == [event.id for event in events]


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 422])
def test_a_refusal_is_told_and_not_repeated(status: int):
    event = an_event()
    with receiving(lambda _: problem(status)) as api:
        with (
            api_publisher(api.url("/"), KEY) as publisher,
            pytest.raises(NotPublished, match=f"HTTP {status}") as failed,
        ):
            publisher.publish(event)
        assert failed.value.refused == [event]
        assert len(api.requests) == 1


def test_a_refusal_that_is_no_problem_document_is_told_all_the_same():
    with (
        receiving(lambda _: Answer(403, body=b"<html>")) as api,
        api_publisher(api.url("/"), KEY) as publisher,
        pytest.raises(NotPublished, match="HTTP 403"),
    ):
        publisher.publish(an_event())


def test_closing_ends_within_its_limit_although_a_request_is_under_way():
    first, second = an_event(1), an_event(2)
    with receiving(lambda _: Answer(202, delay_seconds=20)) as api:
        publisher = api_publisher(api.url("/"), KEY)
        under_way = publisher.send(first)
        api.wait_for(1)
        waiting = publisher.send(second)
        begun = time.monotonic()
        with pytest.raises(NotPublished, match="2 of 2"):
            publisher.close(timeout_seconds=0.2)
        assert time.monotonic() - begun < 5
    assert fate_of(under_way.exception(0)) is Fate.UNCERTAIN
    assert fate_of(waiting.exception(0)) is Fate.UNSENT


def fate_of(failed: BaseException | None) -> Fate:
    assert isinstance(failed, NotPublished)
    (failure,) = failed.failures
    return failure.fate


async def test_coroutines_publish_the_same_way():
    events = [an_event(number) for number in range(300)]
    with receiving(taken) as api:
        limits = Limits(most_events=20)
        async with async_api_publisher(api.url("/"), KEY, limits=limits) as publisher:
            ids = await asyncio.gather(*(publisher.publish(event) for event in events))
            assert ids == [event.id for event in events]
            future = await publisher.send(an_event())
            await publisher.flush()
            assert await future
        assert ids_in(api.requests)[:300] == ids


def test_an_event_that_fails_unseen_is_told_by_the_flush():
    with receiving(lambda _: problem(403)) as api:
        publisher = api_publisher(api.url("/"), KEY)
        future = publisher.send(an_event())
        eventually(future.done)
        with pytest.raises(NotPublished, match="HTTP 403"):
            publisher.close()


@pytest.mark.parametrize(
    ("address", "key", "named"),
    [
        ("127.0.0.1:8080", KEY, "http://host:port"),
        ("ftp://127.0.0.1", KEY, "http://host:port"),
        ("http://", KEY, "http://host:port"),
        ("http://127.0.0.1:port", KEY, "port"),
        ("http://127.0.0.1", "", "API key"),
        ("http://127.0.0.1", "a\nb", "API key"),
    ],
)
def test_an_address_or_a_key_that_cannot_be_one_is_refused(address: str, key: str, named: str):
    with pytest.raises(UnusableOptions, match=named):
        api_publisher(address, key)


def test_an_answer_without_end_is_not_read_to_its_end(receiver_of_much: Receiver):
    with (
        api_publisher(receiver_of_much.url("/"), KEY, limits=SOON) as publisher,
        pytest.raises(NotPublished, match="does not end"),
    ):
        publisher.publish(an_event())


@pytest.fixture
def receiver_of_much():
    much = b"x" * (40 * 1024 * 1024)
    with receiving(lambda _: Answer(202, body=much)) as api:
        yield api
