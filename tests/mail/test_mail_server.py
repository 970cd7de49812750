from __future__ import annotations

import pytest

from pipeline.adapters.mail.composing import parse_mail_sender
from pipeline.adapters.mail.mail_server import (
    MailServer,
    MailServerRefused,
    StartTls,
    parse_mail_url,
)
from pipeline.domain.mail_address import InvalidMailAddress


def test_a_url_names_host_port_and_login():
    assert parse_mail_url("smtp://us%40er:p%3Aw%2Fd@mail.test:2525") == MailServer(
        "mail.test", 2525, False, StartTls.ALWAYS, "us@er", "p:w/d"
    )
    assert parse_mail_url("smtps://mail.test") == MailServer("mail.test", 465, True, StartTls.NEVER)


@pytest.mark.parametrize(
    ("url", "start_tls"),
    [
        ("smtp://mail.test", StartTls.OFFERED),
        ("smtp://u:p@mail.test", StartTls.ALWAYS),
        ("smtp://u:p@localhost", StartTls.OFFERED),
        ("smtp://u:p@127.0.0.1", StartTls.OFFERED),
        ("smtp://u:p@mail.test?starttls=never", StartTls.NEVER),
        ("smtp://mail.test/?starttls=always", StartTls.ALWAYS),
    ],
)
def test_a_password_goes_over_tls_unless_somebody_says_otherwise(url: str, start_tls: StartTls):
    assert parse_mail_url(url).start_tls is start_tls


@pytest.mark.parametrize(
    "url",
    [
        "mail.test:25",
        "http://mail.test",
        "smtp://",
        "smtp://u:secret@mail.test:port",
        "smtp://u:secret@mail.test/inbox",
        "smtp://u:secret@mail.test?starttls=perhaps",
        "smtp://u:secret@mail.test?tls=1",
        "smtp://u:secret@[mail.test",
    ],
)
def test_what_is_no_such_url_is_refused_without_being_quoted(url: str):
    with pytest.raises(MailServerRefused, match="mail server") as refused:
        parse_mail_url(url)
    assert "secret" not in str(refused.value)


def test_the_password_is_in_no_representation():
    assert "hush" not in repr(parse_mail_url("smtp://u:hush@mail.test"))


def test_who_mails_are_from_is_an_address_with_or_without_a_name():
    assert parse_mail_sender("w@a.test").domain == "a.test"
    sender = parse_mail_sender('"Webhooks, all" <w@a.test>')
    assert (sender.name, sender.address) == ("Webhooks, all", "w@a.test")
    with pytest.raises(InvalidMailAddress):
        parse_mail_sender("nobody")
