"""What a mail says, made of other people's texts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.delivery import Cause, Delivery, Outcome, Reason
from pipeline.domain.endpoint import Endpoint
from pipeline.domain.letters import (
    MAX_FILE_NAME_CHARS,
    MAX_SUBJECT_CHARS,
    attachment_name,
    letter_headers,
    letter_text,
)
from pipeline.domain.mail_address import InvalidMailAddress, check_mail_address
from pipeline.domain.mail_answers import MailAcknowledgement
from tests.stages.recipients import an_item

FORM = "{event_type}-{webhook_id}.json"


def a_delivery(**changes: Any) -> Delivery:
    return an_item(**changes).delivery


def headers_of(delivery: Delivery) -> dict[str, str]:
    return dict(letter_headers(delivery, domain="sender.test"))


def test_the_subject_names_the_event_and_the_account():
    assert headers_of(a_delivery())["Subject"] == "Event made (acme)"
    assert headers_of(a_delivery(cause=Cause.TEST))["Subject"] == "Test of made (acme)"
    assert headers_of(a_delivery(cause=Cause.TRIGGER_AGAIN))["Subject"] == "Again: made (acme)"
    assert headers_of(a_delivery(cause="of a later version"))["Subject"] == "Event made (acme)"


def test_mailers_are_told_not_to_answer():
    assert headers_of(a_delivery())["Auto-Submitted"] == "auto-generated"


def test_the_message_id_is_the_same_over_attempts_and_another_for_another_delivery():
    first = headers_of(a_delivery())["Message-ID"]
    assert first == "<msg_0_dlv_0@sender.test>"
    assert headers_of(a_delivery(attempt=7))["Message-ID"] == first
    assert headers_of(a_delivery(delivery_id="dlv_again"))["Message-ID"] != first


@given(st.text(max_size=600), st.text(max_size=80))
def test_no_text_breaks_a_line_of_the_head_or_leaves_the_folder(hostile: str, account: str):
    delivery = a_delivery(event_type=hostile, account=account, webhook_id=hostile)
    for value in headers_of(delivery).values():
        assert value.isprintable()
        assert len(value) <= max(MAX_SUBJECT_CHARS, len("<>@sender.test") + len(hostile) + 10)
    name = attachment_name(FORM, delivery)
    assert 0 < len(name) <= MAX_FILE_NAME_CHARS
    assert name.isascii()
    assert not set(name) & set('/\\:*?"<>|\0 ')
    assert not name.startswith((".", "-"))


def test_the_attachment_is_called_as_the_profile_says():
    delivery = a_delivery(event_type="appointment.booking.created", webhook_id="msg_7")
    assert attachment_name(FORM, delivery) == "appointment.booking.created-msg_7.json"
    assert attachment_name("../../{event_type}", delivery) == "_.._appointment.booking.created"


def test_the_text_says_what_happened_and_no_line_of_it_is_another_s():
    endpoint = Endpoint("ep_1", "acme", "calenso", "own", description="Till\r\nWebhook id: fake")
    text = letter_text(a_delivery(subject="shop/1"), endpoint, file_name="made.json")
    lines = text.splitlines()
    assert "The attached file made.json holds its data." in lines
    assert "Event:       made" in lines
    assert "Time:        1970-01-01T00:16:40Z" in lines
    assert "About:       shop/1" in lines
    assert "Description: Till Webhook id: fake" in lines
    assert "Webhook id:  msg_0" in lines


@pytest.mark.parametrize(
    "text",
    [
        *("", "a", "a@", "@b", "a@b@c", "a b@c.d", "a@b c", '"a"@b.c', "a@[127.0.0.1]", "<a@b.c>"),
        *("a@b.c,d@e.f", "a@b.c\r\nBcc: d@e.f", "é@b.c", "a@é.c", "a..b@c.d", ".a@b.c", "a@b..c"),
        *("a@-b.c", "a" * 65 + "@b.c", "a@" + "b" * 64 + ".c", "a@" + "b." * 140 + "c"),
    ],
)
def test_what_is_not_one_plain_address_is_refused(text: str):
    with pytest.raises(InvalidMailAddress, match="one e-mail address"):
        check_mail_address(text)


@pytest.mark.parametrize("text", ["ops@example.com", "o'neil+x.y@a-b.example", "root@localhost"])
def test_plain_addresses_are_taken(text: str):
    assert check_mail_address(text) == text


def test_for_mails_5yz_is_the_end_and_4yz_is_tried_again():
    answers = MailAcknowledgement()
    assert answers.end(550) == Reason.FINAL
    assert answers.end(450) is None
    assert answers.end(410) is None
    assert answers.end(None) is None
    assert answers.counts_against(Outcome.REFUSED, 450)
    assert answers.counts_against(Outcome.UNREACHABLE, None)
    assert not answers.counts_against(Outcome.ACCEPTED, 250)
