"""No URL that a tenant gives leads inside: not an endpoint's, a token's, or a handshake's.

Literal addresses are refused when they are given; names when they are dialled, whatever they lead
to by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import pytest

from pipeline.adapters.http.consent import ConsentDesk
from pipeline.adapters.http.courier import HttpCourier
from pipeline.adapters.http.curl_client import CurlClient
from pipeline.domain.addresses import REFUSED_TARGET, AddressRules
from pipeline.domain.consent import Consented, Refused
from pipeline.domain.delivery import Outcome
from pipeline.domain.endpoint import OAuth2Auth
from pipeline.ports import Parcel, Sent
from tests.api.running_api import RunningApi, problem_of, running_api
from tests.http.conftest import SETTINGS, client_that_looks_up
from tests.http.servers import OK, Server, answering, serving
from tests.kafka_broker import SessionBroker

# The first and the last address of each range.
REFUSED_V4: Final = (
    *("0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255"),  # noqa: S104 - to be refused
    *("100.64.0.0", "100.127.255.255", "127.0.0.1", "127.255.255.255"),
    *("169.254.0.0", "169.254.169.254", "169.254.255.255", "172.16.0.0", "172.31.255.255"),
    *("192.0.0.0", "192.0.0.255", "192.0.2.0", "192.0.2.255"),
    *("192.88.99.0", "192.88.99.255", "192.168.0.0", "192.168.255.255"),
    *("198.18.0.0", "198.19.255.255", "198.51.100.0", "198.51.100.255"),
    *("203.0.113.0", "203.0.113.255", "224.0.0.1", "239.255.255.255"),
    *("240.0.0.0", "255.255.255.255"),
)
REFUSED_V6: Final = (
    *("::", "::1", "1fff:ffff::1", "4000::1", "5f00::1", "64:ff9b::7f00:1", "64:ff9b::808:808"),
    *("64:ff9b:1::1", "100::1", "2001::1", "2001:1ff:ffff::1", "2001:db8::1"),
    *("2002:7f00:1::1", "2002:808:808::1", "3fff::1", "3fff:fff:ffff::1"),
    *("fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "::ffff:0:7f00:1"),
)
# Refused as no addresses, in their own words.
SAME_AS_IPV4: Final = ("::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:8.8.8.8", "::127.0.0.1")
ZONES: Final = ("fe80::1%eth0", "fe80::1%25eth0", "2606:4700::1%eth0")
ALLOWED: Final = (
    *("1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255"),
    *("128.0.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "198.20.0.0", "223.255.255.255"),
    *("[2000::1]", "[2001:200::1]", "[2606:4700::1]", "[2003::1]", "[3ffe:ffff::1]"),
)
ODD_URLS: Final = (
    *("http://2130706433/", "http://0x7f.1/", "http://127.1/", "http://0177.0.0.1/", "http://0/"),
    *("http://0x7f000001/", "http://017700000001/", "http://127.0.1/", "http://127.0.0.0x1/"),
    *("http://127.0.0.01/", "http://127.0.0.1./", "http://localhost./", "http://1.2.3.4.5/"),
    *("http://256.1.1.1/", "http://a.1/", "http://a.0x/", "http://127。0。0。1/"),
    *("http://①②⑦.0.0.1/", "http://１２７.0.0.1/", "http://%31%32%37.0.0.1/"),
    *("http://user@8.8.8.8/", "http://user:pass@8.8.8.8/", "http://8.8.8.8@127.0.0.1/"),
    *("http://8.8.8.8\\@127.0.0.1/", "http:\\\\127.0.0.1/", "http:/127.0.0.1/", "//127.0.0.1/"),
    *("http://::1/", "http://[::1/", "http://[127.0.0.1]/", "http://[]/", "http:///", "http://"),
    *("http://8.8.8.8:0/", "http://8.8.8.8:65536/", "http://8.8.8.8:/", "http://8.8.8.8:0x50/"),
    *("ftp://8.8.8.8/", "file:///etc/passwd", "gopher://8.8.8.8/", "javascript:1", "8.8.8.8"),
    *("http://8.8.8.8/\r\nX: y", "http://8.8.8.8\t/", " http://8.8.8.8/", "http://8.8.8.8/#f"),
    *("http://8.8.8.8\u200b/", "http://8.8.8.8%00.test/", "http://exa mple.com/", "dict://x:1/"),
)
LITERALS: Final = (
    *(f"http://{address}/" for address in REFUSED_V4),
    *(f"https://{address}:8443/x?y=z" for address in REFUSED_V4),
    *(f"http://[{address}]/" for address in REFUSED_V6),
    *("HTTP://127.0.0.1/", "http://[0:0:0:0:0:0:0:1]/", "http://[::0001]:80/", "http://[FE80::1]/"),
)
OTHERWISE_REFUSED: Final = (
    *ODD_URLS,
    *(f"http://[{address}]/" for address in (*SAME_AS_IPV4, *ZONES)),
)


# When they are given.


@pytest.fixture(scope="module")
def api(broker: SessionBroker, tmp_path_factory: pytest.TempPathFactory) -> Generator[RunningApi]:
    """Where nothing is allowed that is not public."""
    settings = {
        "PIPELINE_SENDING__ALLOWED_NETWORKS": "[]",
        "PIPELINE_API__PUBLIC_URL": "https://api.sender.test",
    }
    data_dir = tmp_path_factory.mktemp("addresses") / "data"
    with running_api(broker.bootstrap_servers, data_dir, **settings) as running:
        yield running


def with_token_from(url: str) -> dict[str, Any]:
    """An endpoint that gets its tokens there."""
    secret = {"client_id": "client", "client_secret": "hush"}
    auth = {"type": "oauth2", "token_url": url, **secret}
    return {"url": "https://hooks.example.com/", "auth": auth}


class Place(NamedTuple):
    """Where a URL is given."""

    pointer: str
    profile: str

    def document(self, url: str) -> dict[str, Any]:
        return {"url": url} if self.pointer == "/url" else with_token_from(url)


PLACES: Final = (
    Place("/url", "standard-webhooks"),
    Place("/auth/token_url", "standard-webhooks"),
    Place("/url", "cloudevents"),  # where the receiver would be asked for its consent
)


def wrongly_answered(api: RunningApi, place: Place, urls: tuple[str, ...], text: str) -> list[str]:
    """URLs that were not refused at creation and at change with a pointer and, if any, a text."""
    account = api.new_account(profile=place.profile)
    endpoints = f"/v1/accounts/{account}/endpoints"
    kept = api.operator.post(endpoints, json={"url": "http://nowhere.invalid/"})
    assert kept.status_code == 201, kept.text
    path = f"/v1/endpoints/{kept.json()['id']}"
    wrong: list[str] = []
    for url in urls:
        document = place.document(url)
        for answer in (
            api.operator.post(endpoints, json=document),
            api.operator.patch(path, json=document),
        ):
            errors = answer.json().get("errors") or [{"pointer": "", "detail": ""}]
            if (answer.status_code, errors[0]["pointer"]) != (422, place.pointer):
                wrong.append(f"{url}: {answer.status_code} {answer.text}")
            elif text and errors != [{"pointer": place.pointer, "detail": text}]:
                wrong.append(f"{url}: {errors}")
    assert len(api.operator.get(endpoints).json()["items"]) == 1
    assert api.operator.get(path).json()["url"] == "http://nowhere.invalid/"
    return wrong


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_an_address_inside_is_refused_with_one_text_that_tells_nothing(
    api: RunningApi, place: Place
):
    assert wrongly_answered(api, place, LITERALS, REFUSED_TARGET) == []


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_what_two_programs_may_read_differently_is_refused(api: RunningApi, place: Place):
    assert wrongly_answered(api, place, OTHERWISE_REFUSED, "") == []


def test_public_addresses_are_taken(api: RunningApi):
    account = api.new_account()
    for host in ALLOWED:
        for document in ({"url": f"https://{host}/"}, with_token_from(f"https://{host}/")):
            made = api.operator.post(f"/v1/accounts/{account}/endpoints", json=document)
            assert made.status_code == 201, (host, made.text)


def test_a_handshake_goes_nowhere_that_a_name_leads_inside(api: RunningApi):
    account = api.new_account(profile="cloudevents")
    for _ in range(2):
        url = {"url": f"http://localhost:{api.port}/healthz"}
        made = api.operator.post(f"/v1/accounts/{account}/endpoints", json=url).json()
        assert made["status"] == "pending"
        assert REFUSED_TARGET in made["status_reason"]
        assert "127.0.0.1" not in made["status_reason"]
        assert "::1" not in made["status_reason"]
        again = api.operator.post(f"/v1/endpoints/{made['id']}/activate").json()
        assert again["status"] == "pending"
    assert "localhost may not be dialled" in api.log()  # what the operator is told


def test_an_endpoints_id_does_not_get_around_it(api: RunningApi):
    """Refused before anything is kept: the id is still free."""
    account = api.new_account()
    endpoints = f"/v1/accounts/{account}/endpoints"
    document = {"id": account, "url": "http://169.254.169.254/latest/meta-data"}
    problem_of(api.operator.post(endpoints, json=document), 422)
    taken = api.operator.post(endpoints, json={"id": account, "url": "https://8.8.8.8/"})
    assert taken.status_code == 201, taken.text


# When they are dialled.


class Question(NamedTuple):
    """A handshake's."""

    url: str
    origin: str = "hooks.sender.test"
    callback_url: str | None = None
    per_minute: int | None = None


@dataclass
class Ways:
    """The three ways in which a URL of a tenant is called."""

    client: CurlClient

    async def delivered(self, url: str, token_url: str | None = None) -> Sent:
        auth = None if token_url is None else OAuth2Auth(token_url, "client", "hush-hush")
        parcel = Parcel(url, (), b"", 5_000, authorization=auth)
        destination = HttpCourier(self.client).destination(parcel, acknowledged=frozenset({200}))
        ended = asyncio.Event()
        posting = destination.post((), b"{}", ended.set)
        async with asyncio.timeout(20):
            await ended.wait()
        return posting.result()

    async def asked(self, url: str) -> Consented | Refused:
        return await ConsentDesk(self.client, user_agent="sender/1").ask_consent(Question(url))

    async def refused_by_all(self, url: str) -> None:
        """Fails where one way calls the URL, or says more than that it does not."""
        sent = await self.delivered(url)
        assert (sent.outcome, sent.status) == (Outcome.BLOCKED, None), (url, sent)
        with_token = await self.delivered("https://8.8.8.8/", url)
        assert with_token.outcome is Outcome.BLOCKED, (url, with_token)
        assert (with_token.error or "").endswith(REFUSED_TARGET)
        assert await self.asked(url) == Refused(REFUSED_TARGET)


NOTHING_ALLOWED: Final = SETTINGS._replace(rules=AddressRules())
ANSWERS: Final = (
    *((address,) for address in (*REFUSED_V4, *REFUSED_V6, *SAME_AS_IPV4)),
    ("fe80::1%eth0",),
    ("2606:4700::1%eth0",),
    ("8.8.8.8", "10.0.0.1"),
    ("10.0.0.1", "8.8.8.8"),
    ("2606:4700::1", "8.8.8.8", "::ffff:127.0.0.1"),
)


@pytest.fixture
async def inside() -> AsyncGenerator[Server]:
    """A server on this machine, that takes everything."""
    async with serving(answering(OK)) as server:
        yield server


@pytest.mark.parametrize("addresses", ANSWERS, ids=",".join)
async def test_a_name_that_leads_inside_is_called_in_no_way(
    inside: Server, addresses: tuple[str, ...]
):
    async with client_that_looks_up(addresses, settings=NOTHING_ALLOWED) as client:
        await Ways(client).refused_by_all(f"http://inside.test:{inside.port}/")
    assert inside.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "169.254.169.254", "[64:ff9b::7f00:1]"])
async def test_an_address_inside_is_called_in_no_way_though_it_was_registered(
    inside: Server, host: str
):
    async with client_that_looks_up(("8.8.8.8",), settings=NOTHING_ALLOWED) as client:
        await Ways(client).refused_by_all(f"http://{host}:{inside.port}/")
    assert inside.connections == 0


async def test_spellings_that_a_system_takes_for_this_machine_are_called_in_no_way(inside: Server):
    async with client_that_looks_up(("127.0.0.1",)) as client:  # allowed, if it came to that
        ways = Ways(client)
        for host in ("2130706433", "0x7f.1", "127.1", "0177.0.0.1", "0", "[::ffff:127.0.0.1]"):
            url = f"http://{host}:{inside.port}/"
            assert (await ways.delivered(url)).outcome is Outcome.BLOCKED
            assert (await ways.delivered("https://8.8.8.8/", url)).outcome is Outcome.BLOCKED
            assert isinstance(await ways.asked(url), Refused)
    assert inside.connections == 0


# 127.0.0.1 plays a public address here: it alone is allowed.
TURNING: Final = SETTINGS._replace(name_seconds=0.0)
HELD: Final = SETTINGS


@pytest.mark.parametrize("way", ["delivery", "token", "handshake"])
async def test_a_name_that_turns_between_check_and_dial_is_dialled_where_it_was_checked(
    inside: Server, way: str
):
    """One answer of the resolver is judged and dialled; the next one is not even asked for."""
    url = f"http://turning.test:{inside.port}/"
    async with client_that_looks_up(("127.0.0.1",), ("10.0.0.1",), settings=HELD) as client:
        await call(Ways(client), way, url)
        await call(Ways(client), way, url)
    assert inside.connections >= 1


@pytest.mark.parametrize("way", ["delivery", "token", "handshake"])
async def test_a_name_that_leads_inside_by_now_is_not_called_again(inside: Server, way: str):
    url = f"http://turning.test:{inside.port}/"
    answers = (("127.0.0.1",), ("10.0.0.1",))
    async with client_that_looks_up(*answers, settings=TURNING) as client:
        await call(Ways(client), way, url)
        connections = inside.connections
        assert connections == 1
        await Ways(client).refused_by_all(url)
    assert inside.connections == connections


async def call(ways: Ways, way: str, url: str) -> None:
    """It is let through, whatever comes of it."""
    if way == "handshake":
        assert await ways.asked(url) != Refused(REFUSED_TARGET)
        return
    token_url = url if way == "token" else None
    sent = await ways.delivered(url if token_url is None else "http://127.0.0.1:9/", token_url)
    assert sent.outcome is not Outcome.BLOCKED, sent


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_way_follows_a_redirect(inside: Server, status: int):
    to = f"http://127.0.0.1:{inside.port}/"
    answer = f"HTTP/1.1 {status} Over\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode()
    async with (
        serving(answering(answer)) as server,
        client_that_looks_up(("127.0.0.1",)) as client,
    ):
        ways, url = Ways(client), f"http://redirecting.test:{server.port}/"
        sent = await ways.delivered(url)
        assert (sent.outcome, sent.status) == (Outcome.REFUSED, status)
        assert (await ways.delivered(to, url)).outcome is not Outcome.ACCEPTED
        assert isinstance(await ways.asked(url), Refused)
        assert server.connections >= 1
    assert inside.connections == 0
