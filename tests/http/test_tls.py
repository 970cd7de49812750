from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from pipeline.adapters.http.client_certificates import parse_client_certificate
from pipeline.adapters.http.curl_client import ClientSettings, open_client
from pipeline.adapters.http.exchange import (
    ClientCertificate,
    Fault,
    PreparedRequest,
    TimedOut,
    Unreachable,
)
from pipeline.adapters.http.trust import AuthoritiesRefused
from pipeline.domain.client_certificates import ClientCertificateRefused
from tests.http.conftest import SETTINGS, a_post, client_that_looks_up
from tests.http.servers import OK, Talk, answering, read_request, serving, silence


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def trusting(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> ClientSettings:
    path = tmp_path_factory.mktemp("authorities") / "own.pem"
    authority.cert_pem.write_to_path(str(path))
    return SETTINGS._replace(additional_authorities=path)


def server_context(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)  # pyright: ignore[reportUnknownMemberType] - names a library that is not there
    return context


def client_certificate(authority: trustme.CA, name: str) -> ClientCertificate:
    issued = authority.issue_cert(name)
    chain = "".join(pem.bytes().decode() for pem in issued.cert_chain_pems)
    return parse_client_certificate(chain, issued.private_key_pem.bytes().decode())


async def test_sni_host_and_certificate_check_keep_the_name(
    authority: trustme.CA, trusting: ClientSettings
):
    asked_for: list[str | None] = []
    seen: list[bytes] = []
    context = server_context(authority, "receiver.test")
    context.sni_callback = lambda _socket, name, _context: asked_for.append(name)
    async with (
        serving(answering(OK, seen=seen), tls=context) as server,
        client_that_looks_up(("127.0.0.1",), settings=trusting) as client,
    ):
        answer = await client.post(a_post(f"https://receiver.test:{server.port}/"))
        again = await client.post(a_post(f"https://receiver.test:{server.port}/"))
    assert (answer.status, answer.address) == (200, "127.0.0.1")
    assert answer.phases.tls_ms > 0
    assert again.phases.tls_ms == 0
    assert asked_for == ["receiver.test"]
    assert f"\r\nHost: receiver.test:{server.port}\r\n".encode() in seen[0]


async def test_a_certificate_for_another_name_is_refused(
    authority: trustme.CA, trusting: ClientSettings
):
    context = server_context(authority, "other.test")
    async with (
        serving(answering(OK), tls=context) as server,
        client_that_looks_up(("127.0.0.1",), settings=trusting) as client,
    ):
        with pytest.raises(Unreachable, match=r"^TLS: ") as failed:
            await client.post(a_post(f"https://receiver.test:{server.port}/"))
    assert failed.value.fault is Fault.TLS


async def test_a_certificate_of_an_unknown_authority_is_refused(trusting: ClientSettings):
    context = server_context(trustme.CA(), "127.0.0.1")
    async with (
        serving(answering(OK), tls=context) as server,
        open_client(trusting) as client,
    ):
        with pytest.raises(Unreachable) as failed:
            await client.post(a_post(f"https://127.0.0.1:{server.port}/"))
    assert failed.value.fault is Fault.TLS


async def test_the_public_authorities_alone_do_not_vouch_for_ours(authority: trustme.CA):
    context = server_context(authority, "127.0.0.1")
    async with serving(answering(OK), tls=context) as server, open_client(SETTINGS) as client:
        with pytest.raises(Unreachable) as failed:
            await client.post(a_post(f"https://127.0.0.1:{server.port}/"))
    assert failed.value.fault is Fault.TLS


async def test_tls_below_1_2_is_refused(authority: trustme.CA, trusting: ClientSettings):
    context = server_context(authority, "127.0.0.1")
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    async with serving(answering(OK), tls=context) as server, open_client(trusting) as client:
        with pytest.raises(Unreachable) as failed:
            await client.post(a_post(f"https://127.0.0.1:{server.port}/"))
    assert failed.value.fault is Fault.TLS


async def test_tls_1_2_is_spoken(authority: trustme.CA, trusting: ClientSettings):
    context = server_context(authority, "127.0.0.1")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    async with serving(answering(OK), tls=context) as server, open_client(trusting) as client:
        assert (await client.post(a_post(f"https://127.0.0.1:{server.port}/"))).status == 200


async def test_a_server_that_speaks_no_tls_is_unreachable(trusting: ClientSettings):
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        await reader.read()

    async with serving(plain) as server, open_client(trusting) as client:
        with pytest.raises(Unreachable) as failed:
            await client.post(a_post(f"https://127.0.0.1:{server.port}/"))
    assert failed.value.fault is Fault.TLS


async def test_the_deadline_holds_while_tls_is_not_answered(trusting: ClientSettings):
    async with serving(silence) as server, open_client(trusting) as client:
        with pytest.raises(TimedOut) as failed:
            await client.post(a_post(f"https://127.0.0.1:{server.port}/", timeout_ms=200))
    assert failed.value.address == "127.0.0.1"
    assert failed.value.phases is not None
    assert failed.value.phases.connect_ms > 0
    assert failed.value.phases.total_ms >= 200


async def test_a_connection_cut_without_a_tls_goodbye_is_no_whole_answer(
    authority: trustme.CA, trusting: ClientSettings
):
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        await writer.drain()
        writer.transport.abort()

    context = server_context(authority, "127.0.0.1")
    async with serving(talk, tls=context) as server, open_client(trusting) as client:
        with pytest.raises(Unreachable) as failed:
            await client.post(a_post(f"https://127.0.0.1:{server.port}/"))
    assert failed.value.fault is Fault.RESET


def mutual_context(authority: trustme.CA, verify: ssl.VerifyMode) -> ssl.SSLContext:
    context = server_context(authority, "127.0.0.1")
    context.verify_mode = verify
    authority.configure_trust(context)  # pyright: ignore[reportUnknownMemberType] - as above
    return context


def naming_the_client() -> Talk:
    """Answer with the common names of the client's certificate."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        certificate: dict[str, object] = writer.get_extra_info("peercert") or {}
        name = str(certificate.get("subjectAltName", "nobody")).encode()
        while True:
            await read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(name), name))
            await writer.drain()

    return talk


async def test_a_client_certificate_is_shown_to_the_server(
    authority: trustme.CA, trusting: ClientSettings
):
    context = mutual_context(authority, ssl.CERT_REQUIRED)
    certificate = client_certificate(authority, "sender.test")
    async with (
        serving(naming_the_client(), tls=context) as server,
        open_client(trusting) as client,
    ):
        request = a_post(f"https://127.0.0.1:{server.port}/")
        answer = await client.post(request._replace(client_certificate=certificate))
        assert b"sender.test" in answer.body
        with pytest.raises(Unreachable) as failed:
            await client.post(request)
    assert failed.value.fault in {Fault.TLS, Fault.RESET}


async def test_nobody_uses_a_connection_or_session_of_another_client_certificate(
    authority: trustme.CA, trusting: ClientSettings
):
    context = mutual_context(authority, ssl.CERT_OPTIONAL)
    first = client_certificate(authority, "first.test")
    second = client_certificate(authority, "second.test")
    async with (
        serving(naming_the_client(), tls=context) as server,
        open_client(trusting) as client,
    ):
        request = a_post(f"https://127.0.0.1:{server.port}/")

        async def shown(certificate: ClientCertificate | None) -> bytes:
            sent: PreparedRequest = request._replace(client_certificate=certificate)
            return (await client.post(sent)).body

        for _ in range(2):
            assert b"first.test" in await shown(first)
            assert b"second.test" in await shown(second)
            assert await shown(None) == b"nobody"
    assert server.connections == 3


async def test_the_file_of_additional_authorities_must_hold_some(tmp_path: Path):
    path = tmp_path / "own.pem"
    path.write_text("nothing of the kind")
    with pytest.raises(AuthoritiesRefused, match=r"own\.pem"):
        async with open_client(SETTINGS._replace(additional_authorities=path)):
            pass


Pem = tuple[str, str]


def _pair(authority: trustme.CA) -> Pem:
    issued = authority.issue_cert("sender.test")
    return issued.cert_chain_pems[0].bytes().decode(), issued.private_key_pem.bytes().decode()


def test_a_client_certificate_with_a_wrong_key_is_refused(authority: trustme.CA):
    certificate, key = _pair(authority)
    _, another_key = _pair(authority)
    spoilt = {
        ("no pem", key): "certificate is not PEM",
        (certificate, "no pem"): "key is not PEM",
        (certificate, another_key): "does not belong",
    }
    for pair, fault in spoilt.items():
        with pytest.raises(ClientCertificateRefused, match=fault):
            parse_client_certificate(*pair)


def test_a_key_with_a_pass_phrase_is_refused(authority: trustme.CA):
    certificate, key = _pair(authority)
    locked = load_pem_private_key(key.encode(), None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"pass phrase")
    )
    with pytest.raises(ClientCertificateRefused, match="pass phrase"):
        parse_client_certificate(certificate, locked.decode())
