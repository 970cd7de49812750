"""From an event in Kafka to mailboxes, guarded receivers and accounts that are switched off."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from pipeline.domain.endpoint import Account, Credentials, Endpoint, OAuth2Auth, RetryPolicy
from tests.kafka_broker import SessionBroker
from tests.mail.smtp_servers import Mailbox, attachment_of, receiving_mail
from tests.receiver import Answer, Receiver, Request, receiving
from tests.running_pipeline import Event, RunningPipeline, eventually, running_pipeline


@contextmanager
def mail_server() -> Generator[Mailbox]:
    """In a thread of its own."""
    started, ended = threading.Event(), threading.Event()
    found: list[Mailbox] = []

    async def serve() -> None:
        async with receiving_mail() as mailbox:
            found.append(mailbox)
            started.set()
            await asyncio.to_thread(ended.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        yield found[0]
    finally:
        ended.set()
        thread.join(10)


@pytest.fixture(scope="module")
def mailbox() -> Generator[Mailbox]:
    with mail_server() as serving:
        yield serving


@pytest.fixture(scope="module")
def pipeline(
    broker: SessionBroker, mailbox: Mailbox, tmp_path_factory: pytest.TempPathFactory
) -> Generator[RunningPipeline]:
    with running_pipeline(
        broker.bootstrap_servers,
        tmp_path_factory.mktemp("ways"),
        PIPELINE_MAIL__URL=f"smtp://127.0.0.1:{mailbox.port}",
        PIPELINE_MAIL__FROM="Webhooks <webhooks@sender.test>",
    ) as running:
        running.run("router", "sender", "scheduler")
        yield running


@pytest.fixture
def receiver() -> Generator[Receiver]:
    with receiving() as running:
        yield running


def an_event(account: str, number: int = 0) -> Event:
    data = {"customer": {"id": number}}
    return {
        "account": account,
        "type": "customer.deleted",
        "id": f"{account}-{number}",
        "data": data,
    }


def test_an_event_reaches_a_mailbox_after_the_server_refused_it_for_now_and_no_url(
    pipeline: RunningPipeline, mailbox: Mailbox, receiver: Receiver
) -> None:
    mailbox.at_recipient = "450 4.2.2 mailbox full"
    pipeline.put_account(Account("mailed", "calenso"))
    pipeline.put_endpoint(
        Endpoint(
            "mailed-ep",
            "mailed",
            "calenso",
            "",
            url=receiver.url("/never"),
            email="ops@customer.test",
            retry=RetryPolicy((1_000,) * 20),
        )
    )
    pipeline.publish([an_event("mailed")])
    eventually(lambda: any(a.account == "mailed" and a.status == 450 for a in pipeline.attempts()))
    mailbox.at_recipient = None
    eventually(lambda: bool(mailbox.mails))
    (message,) = mailbox.messages()
    attachment = attachment_of(message)
    name = attachment.get_filename()
    assert name is not None
    assert name.startswith("customer.deleted-msg_")
    body = attachment.get_payload(decode=True)
    assert isinstance(body, bytes)
    assert body.startswith(b'{"event":"customer.deleted","timestamp":')
    assert body.endswith(b'"data":{"customer":{"id":0}}}')
    assert not receiver.requests


def test_a_receiver_gets_a_token_and_a_new_one_when_it_refuses_the_first(
    pipeline: RunningPipeline, receiver: Receiver
) -> None:
    def behave(request: Request) -> Answer:
        if request.path == "/token":
            token = f'{{"access_token":"token-{len(receiver.to("/token"))}","token_type":"Bearer"}}'
            return Answer(200, body=token.encode())
        return Answer(204 if request.header("authorization") == "Bearer token-2" else 401)

    receiver.behaviour = behave
    pipeline.put_account(Account("guarded", "timekit"))
    auth = OAuth2Auth(receiver.url("/token"), "client", "client-s3cret")
    pipeline.put_endpoint(
        Endpoint("guarded-ep", "guarded", "timekit", "", url=receiver.url("/hook")),
        Credentials(auth=auth),
    )
    pipeline.publish([an_event("guarded")])
    eventually(lambda: len(receiver.to("/hook")) == 2)
    eventually(lambda: any(a.account == "guarded" for a in pipeline.attempts()))
    (attempt,) = [a for a in pipeline.attempts() if a.account == "guarded"]
    assert (attempt.outcome, attempt.attempt) == ("accepted", 1)
    assert "client-s3cret" not in pipeline.log("sender")


def test_what_waits_for_an_account_that_is_switched_off_is_held_until_it_is_on_again(
    pipeline: RunningPipeline, receiver: Receiver
) -> None:
    account = Account("switched", "timekit")
    pipeline.put_account(account)
    receiver.behaviour = lambda _: Answer(500)
    pipeline.put_endpoint(
        Endpoint(
            "switched-ep",
            "switched",
            "timekit",
            "",
            url=receiver.url("/"),
            retry=RetryPolicy((1_000,) * 10),
        )
    )
    pipeline.publish([an_event("switched")])
    receiver.wait_for(1)
    pipeline.put_account(replace(account, webhooks_enabled=False))
    before = len(receiver.requests)
    receiver.behaviour = lambda _: Answer(204)
    pipeline.publish([an_event("switched", 1)])
    topic = pipeline.topology.delivery("switched-ep")
    eventually(lambda: len(pipeline.deliveries(topic)) >= before + 1)
    _wait_for_another_account(pipeline)
    assert not receiver.accepted
    pipeline.put_account(account)
    eventually(lambda: len(receiver.accepted) == 1)
    assert b'"id":0' in receiver.accepted[0].body


def _wait_for_another_account(pipeline: RunningPipeline) -> None:
    """What the sender could have sent before, it has sent afterwards."""
    with receiving() as another:
        pipeline.put_account(Account("another", "timekit"))
        pipeline.put_endpoint(
            Endpoint("another-ep", "another", "timekit", "", url=another.url("/"))
        )
        pipeline.publish([an_event("another")])
        another.wait_for(1)
