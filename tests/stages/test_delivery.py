"""An event in Kafka reaches its endpoints: every stage as a real process, real requests."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any

import pytest
from standardwebhooks import Webhook

from pipeline.domain.delivery import Reason
from pipeline.domain.endpoint import (
    Account,
    Credentials,
    Endpoint,
    EndpointStatus,
    Order,
    RetryPolicy,
    SigningSecret,
)
from tests.kafka_broker import SessionBroker
from tests.receiver import Answer, Receiver, Request, receiving
from tests.running_pipeline import RunningPipeline, eventually, running_pipeline

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture(scope="module")
def pipeline(
    broker: SessionBroker, tmp_path_factory: pytest.TempPathFactory
) -> Generator[RunningPipeline]:
    with running_pipeline(broker.bootstrap_servers, tmp_path_factory.mktemp("pipeline")) as running:
        running.run()
        yield running


@pytest.fixture
def receiver() -> Generator[Receiver]:
    with receiving() as running:
        yield running


def an_endpoint(account: str, url: str, **changes: Any) -> Endpoint:
    endpoint = Endpoint(f"{account}-ep", account, "twelve-twenty", "", url=url)
    return replace(endpoint, **changes)


def an_event(account: str, number: int = 0, **changes: Any) -> dict[str, Any]:
    event = {"account": account, "type": "thing.made", "id": f"{account}-{number}"}
    return {**event, "data": {"n": number}, **changes}


def test_an_event_reaches_its_endpoint_once(pipeline: RunningPipeline, receiver: Receiver) -> None:
    pipeline.put_account(Account("once", "twelve-twenty"))
    pipeline.put_endpoint(an_endpoint("once", receiver.url("/once")))
    pipeline.publish([an_event("once")])
    (request,) = receiver.wait_for(1)
    assert request.body == b'{"Event":"thing.made","Data":{"n":0}}'
    eventually(lambda: any(a.account == "once" for a in pipeline.attempts()))
    assert len(receiver.requests) == 1


def test_what_was_routed_twice_is_sent_once_though_both_waited(
    pipeline: RunningPipeline, receiver: Receiver
) -> None:
    """As after a router's restart in a backlog: the second was there before the first was tried."""
    receiver.behaviour = lambda _: Answer(delay_seconds=0.02 if receiver.accepted else 1.0)
    pipeline.put_account(Account("backlog", "twelve-twenty"))
    pipeline.put_endpoint(an_endpoint("backlog", receiver.url("/backlog"), max_in_flight=1))
    pipeline.publish(an_event("backlog", number) for number in [*range(20), 0, 1, 2, 20])
    eventually(lambda: any(b'"n":20' in request.body for request in receiver.accepted))
    assert [receiver.requests[0].webhook_id] == [
        each.webhook_id for each in receiver.requests if b'"n":0}' in each.body
    ]
    assert len(receiver.requests) == 21


def test_a_running_pipeline_picks_up_an_endpoint_and_sends_it_what_comes_then(
    pipeline: RunningPipeline, receiver: Receiver
) -> None:
    pipeline.put_account(Account("late", "twelve-twenty"))
    pipeline.put_endpoint(an_endpoint("late", receiver.url("/late")))
    eventually(lambda: _publish_one_more(pipeline, "late", receiver), seconds=10)


def _publish_one_more(pipeline: RunningPipeline, account: str, receiver: Receiver) -> bool:
    pipeline.publish([an_event(account, len(receiver.requests) + 1)])
    return bool(receiver.requests)


def test_a_signed_request_verifies_with_the_reference_library(
    pipeline: RunningPipeline, receiver: Receiver
) -> None:
    pipeline.put_account(Account("signed", "standard-webhooks"))
    pipeline.put_endpoint(
        an_endpoint("signed", receiver.url("/signed"), profile="standard-webhooks"),
        Credentials(secrets=(SigningSecret(SECRET),)),
    )
    pipeline.publish([an_event("signed")])
    (request,) = receiver.wait_for(1)
    verified = Webhook(SECRET).verify(request.body, {k.lower(): v for k, v in request.headers})
    assert verified is None or verified["type"] == "thing.made"


def test_a_failure_is_tried_again_with_the_same_id_and_then_accepted(
    pipeline: RunningPipeline, receiver: Receiver
) -> None:
    def fail_twice(_: Request) -> Answer:
        return Answer(500 if len(receiver.requests) <= 2 else 204)

    receiver.behaviour = fail_twice
    pipeline.put_account(Account("twice", "twelve-twenty"))
    pipeline.put_endpoint(
        an_endpoint("twice", receiver.url("/"), retry=RetryPolicy((1_000, 1_000, 1_000)))
    )
    pipeline.publish([an_event("twice")])
    requests = receiver.wait_for(3)
    assert len({request.webhook_id for request in requests}) == 1
    assert len({request.body for request in requests}) == 1
    eventually(lambda: _numbers(pipeline, "twice") == [1, 2, 3])


def _numbers(pipeline: RunningPipeline, account: str) -> list[int]:
    return sorted(a.attempt for a in pipeline.attempts() if a.account == account)


def test_what_fails_for_good_becomes_a_dead_letter_with_its_delivery(
    pipeline: RunningPipeline, receiver: Receiver
) -> None:
    receiver.behaviour = lambda _: Answer(503, body=b"no")
    pipeline.put_account(Account("dead", "twelve-twenty"))
    pipeline.put_endpoint(an_endpoint("dead", receiver.url("/"), retry=RetryPolicy((1_000,))))
    pipeline.publish([an_event("dead")])
    receiver.wait_for(2)
    eventually(lambda: any(letter.account == "dead" for letter in pipeline.dead_letters()))
    (letter,) = [letter for letter in pipeline.dead_letters() if letter.account == "dead"]
    assert (letter.reason, letter.status, letter.attempts) == (Reason.EXHAUSTED, 503, 2)
    assert letter.delivery is not None
    delivery = pipeline.codec.decode_delivery(letter.delivery)
    assert delivery.body == b'{"Event":"thing.made","Data":{"n":0}}'


def test_a_gone_endpoint_gets_no_further_request(
    pipeline: RunningPipeline, receiver: Receiver
) -> None:
    receiver.behaviour = lambda _: Answer(410)
    pipeline.put_account(Account("gone", "standard-webhooks"))
    pipeline.put_endpoint(
        an_endpoint("gone", receiver.url("/"), profile="standard-webhooks"),
        Credentials(secrets=(SigningSecret(SECRET),)),
    )
    pipeline.publish([an_event("gone", number) for number in range(5)])
    eventually(
        lambda: Reason.GONE in [x.reason for x in pipeline.dead_letters() if x.account == "gone"]
    )
    topic = pipeline.topology.delivery("gone-ep")
    eventually(lambda: sum(pipeline.committed("sender", topic).values()) >= 1)
    assert len(receiver.requests) == 1


def test_a_strict_endpoint_gets_its_deliveries_in_order_through_failures(
    pipeline: RunningPipeline, receiver: Receiver
) -> None:
    failed: set[str] = set()

    def fail_each_first(request: Request) -> Answer:
        if request.webhook_id in failed:
            return Answer(204)
        failed.add(request.webhook_id)
        return Answer(500 if len(failed) % 3 == 1 else 204)

    receiver.behaviour = fail_each_first
    pipeline.put_account(Account("strict", "twelve-twenty"))
    pipeline.put_endpoint(
        an_endpoint(
            "strict", receiver.url("/"), order=Order.STRICT, retry=RetryPolicy((1_000, 1_000))
        )
    )
    pipeline.publish([an_event("strict", number) for number in range(7)])
    eventually(lambda: len(receiver.accepted) == 7)
    assert [request.body for request in receiver.accepted] == [
        b'{"Event":"thing.made","Data":{"n":%d}}' % number for number in range(7)
    ]
    assert receiver.most_open == 1


def test_no_more_requests_are_open_than_the_endpoint_allows(
    pipeline: RunningPipeline, receiver: Receiver
) -> None:
    receiver.behaviour = lambda _: Answer(delay_seconds=0.2)
    pipeline.put_account(Account("limited", "twelve-twenty"))
    pipeline.put_endpoint(an_endpoint("limited", receiver.url("/"), max_in_flight=5))
    pipeline.publish([an_event("limited", number) for number in range(100)])
    receiver.wait_for(100)
    assert receiver.most_open == 5


def test_retry_after_is_waited_for_and_not_much_longer(
    pipeline: RunningPipeline, receiver: Receiver
) -> None:
    receiver.behaviour = lambda _: Answer(
        503 if len(receiver.requests) == 1 else 204, headers=(("Retry-After", "3"),)
    )
    pipeline.put_account(Account("after", "twelve-twenty"))
    pipeline.put_endpoint(an_endpoint("after", receiver.url("/"), retry=RetryPolicy((1_000,))))
    pipeline.publish([an_event("after")])
    first, second = receiver.wait_for(2)
    assert second.at - first.at >= 3.0


def test_an_event_that_nobody_asked_for_goes_nowhere(
    pipeline: RunningPipeline, receiver: Receiver
) -> None:
    pipeline.put_account(Account("picky", "twelve-twenty"))
    pipeline.put_endpoint(an_endpoint("picky", receiver.url("/"), event_types=("order.*",)))
    pipeline.publish([an_event("picky", 1), an_event("picky", 2, type="order.paid")])
    (request,) = receiver.wait_for(1)
    assert b"order.paid" in request.body
    assert len(receiver.requests) == 1


def test_an_endpoint_without_a_topic_of_its_own_is_served_from_the_shared_one(
    pipeline: RunningPipeline, receiver: Receiver
) -> None:
    pipeline.put_account(Account("sharing", "twelve-twenty"))
    pipeline.put_endpoint(
        an_endpoint("sharing", receiver.url("/"), topic=pipeline.topology.shared_delivery)
    )
    pipeline.publish([an_event("sharing", number) for number in range(20)])
    assert len({request.body for request in receiver.wait_for(20)}) == 20


def test_a_removed_endpoints_deliveries_become_dead_letters(
    pipeline: RunningPipeline, receiver: Receiver
) -> None:
    receiver.behaviour = lambda _: Answer(500)
    pipeline.put_account(Account("left", "twelve-twenty"))
    endpoint = pipeline.put_endpoint(
        an_endpoint("left", receiver.url("/"), retry=RetryPolicy((2_000, 60_000)))
    )
    pipeline.publish([an_event("left")])
    receiver.wait_for(1)
    pipeline.put_endpoint(replace(endpoint, status=EndpointStatus.REMOVED))
    eventually(
        lambda: (
            Reason.ENDPOINT_REMOVED
            in [x.reason for x in pipeline.dead_letters() if x.account == "left"]
        )
    )
    assert len(receiver.requests) == 1


@pytest.fixture(autouse=True)
def tell_the_logs(pipeline: RunningPipeline) -> Generator[None]:
    yield
    for stage in ("router", "sender", "scheduler", "recorder"):
        print(f"== {stage}\n{pipeline.log(stage)[-2000:]}")  # noqa: T201 - shown where a test failed


def test_an_event_that_no_body_can_be_made_of_is_one_dead_letter_for_all_endpoints(
    pipeline: RunningPipeline, receiver: Receiver
) -> None:
    pipeline.put_account(Account("subjects", "twelve-build"))
    for number in range(2):
        pipeline.put_endpoint(
            an_endpoint(
                "subjects", receiver.url("/"), id=f"subjects-{number}", profile="twelve-build"
            )
        )
    pipeline.publish([an_event("subjects", type="Company.updated")])
    reasons = [Reason.NO_SUBJECT]
    eventually(
        lambda: reasons == [x.reason for x in pipeline.dead_letters() if x.account == "subjects"]
    )
    (letter,) = [x for x in pipeline.dead_letters() if x.account == "subjects"]
    assert (letter.event_type, letter.endpoint, letter.delivery) == ("Company.updated", None, None)
    assert letter.raw is not None
    assert not receiver.requests
