"""Deliveries by e-mail, as the sender makes them, to a real mail server."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from pipeline.adapters.http.courier import HttpCourier
from pipeline.adapters.mail.composing import MailSender
from pipeline.adapters.mail.letterbox import LetterboxSettings, SmtpLetterbox, open_letterbox
from pipeline.adapters.mail.mail_server import parse_mail_url
from pipeline.clock import now_ms
from pipeline.domain.delivery import Cause, Reason
from pipeline.domain.endpoint import BearerAuth
from pipeline.domain.verdict import DELIVERED, Dead, RetryAt
from pipeline.stages.sender.attempting import attempt_entry
from tests.http.servers import OK, answering, serving
from tests.mail.smtp_servers import Mailbox, attachment_of, receiving_mail
from tests.stages.attempts import try_once
from tests.stages.recipients import SECRET, a_recipient, an_item

BODY = '{"event":"customer.deleted","data":{"name":"Zoë"}}'.encode()


@pytest.fixture
async def mailbox() -> AsyncGenerator[Mailbox]:
    async with receiving_mail() as receiving:
        yield receiving


@pytest.fixture
async def letterbox(mailbox: Mailbox) -> AsyncGenerator[SmtpLetterbox]:
    settings = LetterboxSettings(
        parse_mail_url(f"smtp://127.0.0.1:{mailbox.port}"),
        MailSender("Webhooks", "webhooks@sender.test"),
        "sender.test",
    )
    async with open_letterbox(settings, now_ms) as opened:
        yield opened


async def test_an_endpoint_with_an_address_gets_a_mail_and_its_url_no_request(
    courier: HttpCourier, letterbox: SmtpLetterbox, mailbox: Mailbox
):
    async with serving(answering(OK)) as server:
        recipient = a_recipient(
            courier,
            f"http://127.0.0.1:{server.port}/",
            profile="calenso",
            email="ops@customer.test",
            letterbox=letterbox,
            auth=BearerAuth("open sesame"),
            headers=(("x-team", "blue"),),
        )
        item = an_item(event_type="customer.deleted", body=BODY)
        tried = await try_once(recipient, item)
        assert server.connections == 0
    assert tried.verdict is DELIVERED
    (envelope,), (message,) = mailbox.mails, mailbox.messages()
    assert envelope.rcpt_tos == ["ops@customer.test"]
    attachment = attachment_of(message)
    assert attachment.get_filename() == "customer.deleted-msg_0.json"
    assert attachment.get_content_type() == "application/json"
    assert attachment.get_payload(decode=True) == BODY
    assert message["Subject"] == "Event customer.deleted (acme)"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["webhook-id"] == "msg_0"
    assert isinstance(envelope.content, bytes)
    assert b"sesame" not in envelope.content
    assert b"x-team" not in envelope.content
    entry = attempt_entry(item, tried)
    assert (entry.outcome, entry.status, entry.decision) == ("accepted", 250, "delivered")


async def test_every_attempt_has_the_same_message_id_and_what_is_sent_again_another(
    courier: HttpCourier, letterbox: SmtpLetterbox, mailbox: Mailbox
):
    recipient = a_recipient(
        courier, None, profile="calenso", email="ops@customer.test", letterbox=letterbox
    )
    await try_once(recipient, an_item(attempt=1))
    await try_once(recipient, an_item(attempt=2))
    await try_once(recipient, an_item(delivery_id="dlv_again", cause=Cause.TRIGGER_AGAIN))
    first, second, again = (message["Message-ID"] for message in mailbox.messages())
    assert first == second
    assert again != first


async def test_where_the_profile_signs_the_mail_can_be_verified(
    courier: HttpCourier, letterbox: SmtpLetterbox, mailbox: Mailbox
):
    recipient = a_recipient(courier, None, email="ops@customer.test", letterbox=letterbox)
    await try_once(recipient, an_item(body=b'{"a":1}'))
    (message,) = mailbox.messages()
    at = datetime.fromtimestamp(int(message["webhook-timestamp"]), tz=UTC)
    assert message["webhook-signature"] == Webhook(SECRET).sign("msg_0", at, '{"a":1}')


async def test_a_4yz_is_tried_again_and_a_5yz_is_the_end(
    courier: HttpCourier, letterbox: SmtpLetterbox, mailbox: Mailbox
):
    recipient = a_recipient(
        courier, None, profile="calenso", email="ops@customer.test", letterbox=letterbox
    )
    mailbox.at_recipient = "450 4.2.2 mailbox full"
    for_now = await try_once(recipient, an_item())
    mailbox.at_recipient = "550 5.1.1 no such user"
    for_good = await try_once(recipient, an_item())
    assert isinstance(for_now.verdict, RetryAt)
    assert for_good.verdict == Dead(Reason.FINAL)
    entry = attempt_entry(an_item(), for_good)
    assert (entry.outcome, entry.status, entry.reason) == ("refused", 550, "final")
    assert entry.response_body == b"5.1.1 no such user"
    assert entry.request_headers is not None
    assert entry.request_headers["To"] == "ops@customer.test"
    assert entry.request_headers["Subject"] == "Event made (acme)"


async def test_without_a_mail_server_it_is_tried_again_later(courier: HttpCourier):
    recipient = a_recipient(courier, None, profile="calenso", email="ops@customer.test")
    tried = await try_once(recipient, an_item())
    assert isinstance(tried.verdict, RetryAt)
    entry = attempt_entry(an_item(), tried)
    assert (entry.outcome, entry.status) == ("unreachable", None)
    assert entry.error == "no mail server is configured: set PIPELINE_MAIL__URL"


async def test_hostile_texts_add_no_header_and_no_recipient(
    courier: HttpCourier, letterbox: SmtpLetterbox, mailbox: Mailbox
):
    hostile = 'a"\r\nBcc: other@customer.test\r\n\r\nhello\u2028<../../x>'
    recipient = a_recipient(
        courier,
        None,
        profile="calenso",
        email="ops@customer.test",
        letterbox=letterbox,
        description=hostile,
    )
    item = an_item(event_type=hostile, account=hostile, subject=hostile, content_type=hostile)
    assert (await try_once(recipient, item)).verdict is DELIVERED
    (envelope,), (message,) = mailbox.mails, mailbox.messages()
    assert envelope.rcpt_tos == ["ops@customer.test"]
    assert message["Bcc"] is None
    assert not message.defects
    assert len(message["Subject"].splitlines()) == 1
    attachment = attachment_of(message)
    name = attachment.get_filename()
    assert name is not None
    assert "/" not in name
    assert attachment.get_content_type() == "application/json"
    assert attachment.get_payload(decode=True) == b"{}"
