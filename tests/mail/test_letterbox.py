"""Mails over real connections to real servers: what they take, refuse, and never answer."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from pipeline.adapters.mail.composing import MailSender
from pipeline.adapters.mail.letterbox import LetterboxSettings, SmtpLetterbox, open_letterbox
from pipeline.adapters.mail.mail_server import parse_mail_url
from pipeline.adapters.mail.smtp_connections import MOST_CONNECTIONS
from pipeline.clock import now_ms
from pipeline.domain.delivery import Outcome
from pipeline.domain.letters import Letter
from pipeline.ports import Sent
from tests.http.servers import serving, silence, wait_until
from tests.mail.smtp_servers import attachment_of, only, receiving_mail

SENDER = MailSender("Webhooks", "webhooks@sender.test")
LETTER = Letter(
    to="ops@customer.test",
    headers=(("Subject", "Event made"), ("Message-ID", "<msg_1@sender.test>")),
    text="Something happened.\n",
    attachment_name="made-msg_1.json",
    content_type="application/json",
    body=b'{"n":1}',
    timeout_ms=5_000,
)


@asynccontextmanager
async def a_letterbox(url: str | None, **changes: object) -> AsyncGenerator[SmtpLetterbox]:
    server = None if url is None else parse_mail_url(url)
    settings = LetterboxSettings(server, SENDER, "sender.test", **changes)  # pyright: ignore[reportArgumentType] - fields of an example
    async with open_letterbox(settings, now_ms) as letterbox:
        yield letterbox


async def sent_by(letterbox: SmtpLetterbox, letter: Letter = LETTER) -> Sent:
    ended = asyncio.Event()
    posting = letterbox.post(letter, ended.set)
    async with asyncio.timeout(10):
        await ended.wait()
    return posting.result()


async def test_a_mail_is_taken_with_its_attachment_byte_for_byte():
    body = b'{"a": "\r\n.\r\n\xc3\xa9 \\u00e9"}\n' + bytes(range(256)) * 40
    async with (
        receiving_mail() as mailbox,
        a_letterbox(f"smtp://127.0.0.1:{mailbox.port}") as letterbox,
    ):
        sent = await sent_by(letterbox, LETTER._replace(body=body))
    assert (sent.outcome, sent.status, sent.error) == (Outcome.ACCEPTED, 250, None)
    (envelope,), (message,) = mailbox.mails, mailbox.messages()
    assert envelope.mail_from == "webhooks@sender.test"
    assert envelope.rcpt_tos == ["ops@customer.test"]
    assert message["From"] == "Webhooks <webhooks@sender.test>"
    assert message["To"] == "ops@customer.test"
    assert message["Subject"] == "Event made"
    assert message["Message-ID"] == "<msg_1@sender.test>"
    assert message["Date"] is not None
    attachment = attachment_of(message)
    assert attachment.get_content_type() == "application/json"
    assert attachment["Content-Transfer-Encoding"] == "base64"
    assert attachment.get_filename() == "made-msg_1.json"
    assert attachment.get_payload(decode=True) == body
    text = message.get_body(("plain",))
    assert text is not None
    assert "Something happened." in text.get_content()


async def test_mails_go_over_one_connection_one_after_the_other():
    async with (
        receiving_mail() as mailbox,
        a_letterbox(f"smtp://127.0.0.1:{mailbox.port}") as letterbox,
    ):
        for _ in range(5):
            assert (await sent_by(letterbox)).outcome is Outcome.ACCEPTED
    assert len(mailbox.mails) == 5
    assert len(mailbox.sessions) == 1


async def test_no_more_connections_are_open_than_may_be():
    async with (
        receiving_mail() as mailbox,
        a_letterbox(f"smtp://127.0.0.1:{mailbox.port}") as letterbox,
    ):
        mailbox.waits = asyncio.Event()
        tasks = [asyncio.ensure_future(sent_by(letterbox)) for _ in range(3 * MOST_CONNECTIONS)]  # noqa: TID251 - gathered below
        await wait_until(lambda: len(mailbox.sessions) == MOST_CONNECTIONS)
        mailbox.waits.set()
        outcomes = [sent.outcome for sent in await asyncio.gather(*tasks)]
    assert outcomes == [Outcome.ACCEPTED] * 3 * MOST_CONNECTIONS
    assert len(mailbox.transports) == MOST_CONNECTIONS


@pytest.mark.parametrize("answer", ["450 4.2.1 mailbox busy", "550 5.1.1 no such user"])
async def test_a_refused_recipient_is_refused_with_the_code_and_the_text(answer: str):
    async with (
        receiving_mail() as mailbox,
        a_letterbox(f"smtp://127.0.0.1:{mailbox.port}") as letterbox,
    ):
        mailbox.at_recipient = answer
        sent = await sent_by(letterbox)
        mailbox.at_recipient = None
        again = await sent_by(letterbox)
    assert (sent.outcome, sent.status) == (Outcome.REFUSED, int(answer[:3]))
    assert sent.body.decode() == answer[4:]
    assert again.outcome is Outcome.ACCEPTED
    assert len(mailbox.sessions) == 1


async def test_a_refused_content_is_refused_with_its_code():
    async with (
        receiving_mail() as mailbox,
        a_letterbox(f"smtp://127.0.0.1:{mailbox.port}") as letterbox,
    ):
        mailbox.at_data = "554 5.6.0 not here"
        sent = await sent_by(letterbox)
    assert (sent.outcome, sent.status, sent.body) == (Outcome.REFUSED, 554, b"5.6.0 not here")


async def test_a_sender_that_is_not_wanted_is_the_operators_fault_and_not_the_deliverys_end():
    async with (
        receiving_mail() as mailbox,
        a_letterbox(f"smtp://127.0.0.1:{mailbox.port}") as letterbox,
    ):
        mailbox.at_mail = "550 5.7.1 who are you"
        for_good = await sent_by(letterbox)
        mailbox.at_mail = "451 4.3.0 later"
        for_now = await sent_by(letterbox)
    assert (for_good.outcome, for_good.status) == (Outcome.UNREACHABLE, None)
    assert for_good.error == "the mail server refused the sender: 550 5.7.1 who are you"
    assert (for_now.outcome, for_now.status) == (Outcome.REFUSED, 451)


async def test_a_server_that_says_nothing_times_out():
    async with (
        serving(silence) as server,
        a_letterbox(f"smtp://127.0.0.1:{server.port}") as letterbox,
    ):
        sent = await sent_by(letterbox, LETTER._replace(timeout_ms=100))
        await wait_until(lambda: server.open_connections == 0)
    assert sent.outcome is Outcome.TIMED_OUT
    assert sent.error is not None
    assert "connecting to the mail server" in sent.error


async def test_a_server_that_never_takes_the_content_times_out_and_its_connection_is_dropped():
    async with (
        receiving_mail() as mailbox,
        a_letterbox(f"smtp://127.0.0.1:{mailbox.port}") as letterbox,
    ):
        mailbox.waits = asyncio.Event()
        sent = await sent_by(letterbox, LETTER._replace(timeout_ms=200))
        mailbox.waits = None
        again = await sent_by(letterbox)
    assert sent.outcome is Outcome.TIMED_OUT
    assert sent.error is not None
    assert "sending the mail" in sent.error
    assert again.outcome is Outcome.ACCEPTED
    assert len(mailbox.transports) == 2


async def test_a_connection_that_the_server_dropped_meanwhile_costs_no_attempt():
    async with (
        receiving_mail() as mailbox,
        a_letterbox(f"smtp://127.0.0.1:{mailbox.port}") as letterbox,
    ):
        await sent_by(letterbox)
        mailbox.drop_connections()
        assert (await sent_by(letterbox)).outcome is Outcome.ACCEPTED
        mailbox.at_mail = "421 4.4.2 idle for too long"
        sent = await sent_by(letterbox)
    assert len(mailbox.mails) == 2
    assert (sent.outcome, sent.status) == (Outcome.REFUSED, 421)


async def test_a_server_that_drops_the_connection_is_unreachable():
    async def drop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        await reader.readline()
        writer.close()

    async with serving(drop) as server, a_letterbox(f"smtp://127.0.0.1:{server.port}") as letterbox:
        sent = await sent_by(letterbox)
    assert sent.outcome is Outcome.UNREACHABLE
    assert sent.error == "the mail server closed the connection"


async def test_a_refusal_holds_even_if_the_connection_ends_with_it():
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        for answer in (b"250 mail.test\r\n", b"250 OK\r\n", b"550 5.1.1 no such user\r\n"):
            await reader.readline()
            writer.write(answer)
        await reader.readline()  # RSET
        writer.close()

    async with serving(refuse) as server:
        url = f"smtp://127.0.0.1:{server.port}"
        async with a_letterbox(url) as letterbox:
            sent = await sent_by(letterbox)
    assert (sent.outcome, sent.status) == (Outcome.REFUSED, 550)


async def test_nobody_there_is_unreachable_and_the_server_is_not_named():
    async with a_letterbox("smtp://127.0.0.1:9") as letterbox:
        sent = await sent_by(letterbox)
    assert (sent.outcome, sent.error) == (Outcome.UNREACHABLE, "no connection to the mail server")


@pytest.mark.parametrize("noise", [b"\xff\xfe\r\n" * 10, b"999999\r\n", b"220-" + b"x" * 100_000])
async def test_a_server_that_speaks_no_smtp_is_unreachable(noise: bytes):
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(noise)
        await reader.read()

    async with serving(talk) as server, a_letterbox(f"smtp://127.0.0.1:{server.port}") as letterbox:
        sent = await sent_by(letterbox, LETTER._replace(timeout_ms=1_000))
    assert sent.outcome is Outcome.UNREACHABLE
    assert sent.error is not None
    assert len(sent.error) < 2_000


async def test_without_a_server_each_mail_says_what_to_set():
    async with a_letterbox(None) as letterbox:
        sent = await sent_by(letterbox)
    assert sent.outcome is Outcome.UNREACHABLE
    assert sent.error == "no mail server is configured: set PIPELINE_MAIL__URL"


@pytest.mark.parametrize(
    "address", ["a@b.test>\r\nRCPT TO:<c@d.test", "a@b.test, c@d.test", "ä@b.test", "<a@b.test>"]
)
async def test_nothing_is_sent_to_what_is_not_one_address(address: str):
    async with (
        receiving_mail() as mailbox,
        a_letterbox(f"smtp://127.0.0.1:{mailbox.port}") as letterbox,
    ):
        sent = await sent_by(letterbox, LETTER._replace(to=address))
    assert (sent.outcome, sent.error) == (
        Outcome.UNREACHABLE,
        "the endpoint's e-mail address is none",
    )
    assert not mailbox.transports


async def test_a_header_with_a_line_break_is_not_sent():
    letter = LETTER._replace(headers=(("Subject", "a\r\nBcc: c@d.test"),))
    async with (
        receiving_mail() as mailbox,
        a_letterbox(f"smtp://127.0.0.1:{mailbox.port}") as letterbox,
    ):
        sent = await sent_by(letterbox, letter)
    assert sent.outcome is Outcome.UNREACHABLE
    assert not mailbox.transports


async def test_what_is_on_its_way_when_it_closes_ends_as_unreachable():
    async with receiving_mail() as mailbox:
        mailbox.waits = asyncio.Event()
        ended = asyncio.Event()
        async with a_letterbox(f"smtp://127.0.0.1:{mailbox.port}") as letterbox:
            posting = letterbox.post(LETTER, ended.set)
            await wait_until(lambda: bool(mailbox.sessions))
        assert ended.is_set()
    assert posting.result().error == "the sender is shutting down"


# TLS and logging in.


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def trusted(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("authorities") / "own.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


def server_context(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)  # pyright: ignore[reportUnknownMemberType] - names a library that is not there
    return context


async def test_starttls_secures_the_connection_before_the_password_is_sent(
    authority: trustme.CA, trusted: Path
):
    context = server_context(authority, "127.0.0.1")
    async with (
        receiving_mail(
            tls_context=context,
            require_starttls=True,
            auth_required=True,
            authenticator=only(b"us er", b"p@ss:word"),
        ) as mailbox,
        a_letterbox(
            f"smtp://us%20er:p%40ss%3Aword@127.0.0.1:{mailbox.port}?starttls=always",
            additional_authorities=trusted,
        ) as letterbox,
    ):
        assert (await sent_by(letterbox)).outcome is Outcome.ACCEPTED
    (session,) = mailbox.sessions
    assert session.ssl is not None
    assert session.authenticated


async def test_tls_from_the_first_byte(authority: trustme.CA, trusted: Path):
    async with (
        receiving_mail(tls=server_context(authority, "127.0.0.1")) as mailbox,
        a_letterbox(
            f"smtps://127.0.0.1:{mailbox.port}", additional_authorities=trusted
        ) as letterbox,
    ):
        assert (await sent_by(letterbox)).outcome is Outcome.ACCEPTED


async def test_a_certificate_that_nobody_vouches_for_is_not_spoken_with(authority: trustme.CA):
    async with (
        receiving_mail(tls_context=server_context(authority, "127.0.0.1")) as mailbox,
        a_letterbox(f"smtp://127.0.0.1:{mailbox.port}?starttls=always") as letterbox,
    ):
        sent = await sent_by(letterbox)
    assert sent.outcome is Outcome.UNREACHABLE
    assert not mailbox.mails


async def test_where_starttls_is_a_must_and_not_offered_nothing_is_sent():
    async with (
        receiving_mail() as mailbox,
        a_letterbox(f"smtp://u:p@127.0.0.1:{mailbox.port}?starttls=always") as letterbox,
    ):
        sent = await sent_by(letterbox)
    assert sent.outcome is Outcome.UNREACHABLE
    assert sent.error is not None
    assert "STARTTLS" in sent.error
    assert not mailbox.sessions


async def test_a_wrong_password_is_unreachable_and_nowhere_repeated(
    caplog: pytest.LogCaptureFixture,
):
    async with (
        receiving_mail(
            auth_require_tls=False, authenticator=only(b"user", b"right password")
        ) as mailbox,
        a_letterbox(f"smtp://user:wrong-password@127.0.0.1:{mailbox.port}") as letterbox,
    ):
        sent = await sent_by(letterbox)
    assert (sent.outcome, sent.error) == (
        Outcome.UNREACHABLE,
        "the mail server refused the login (535)",
    )
    logged = [record for record in caplog.records if record.name.startswith("pipeline")]
    assert logged
    assert all("wrong-password" not in record.getMessage() for record in logged)
