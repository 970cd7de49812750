from __future__ import annotations

import asyncio
import secrets
from collections.abc import Generator
from pathlib import Path
from typing import cast

import pytest

from pipeline.api.authentication import Authentication
from pipeline.api.console.passwords import (
    UnusablePassword,
    check_password,
    hash_of_password,
    is_password,
)
from pipeline.api.console.sessions import SessionPorts, SessionRules, Sessions
from pipeline.api.problems import Problem
from pipeline.operating import Operator
from pipeline.settings import Settings, StoreSettings
from pipeline.wiring.registry_store import RegistryStore, opened_registry
from tests.api.running_api import OPERATOR_KEY
from tests.console.browsing import ConsoleUnderTest

PASSWORD = "correct horse battery staple"
PASSWORD_HASH = hash_of_password(PASSWORD)
HOUR_MS = 3_600_000


def test_who_has_not_signed_in_is_asked_to(console: ConsoleUnderTest):
    with console.browser() as browser:
        answer = browser.get("/deliveries?status=dead")
        assert answer.status_code == 303
        assert answer.headers["location"] == "/sign-in?next=%2Fdeliveries%3Fstatus%3Ddead"


def test_who_comes_from_another_sites_page_comes_in_by_our_own(console: ConsoleUnderTest):
    with console.browser() as browser:
        came = browser.get("/deliveries?status=dead", headers={"Sec-Fetch-Site": "cross-site"})
        assert came.status_code == 200
        assert 'http-equiv="refresh" content="0; url=/deliveries?status=dead"' in came.text
        again = browser.get("/deliveries", headers={"Sec-Fetch-Site": "same-origin"})
        assert again.status_code == 303, "who has not signed in is asked to, then"


def test_the_operators_key_signs_in_with_a_cookie_that_no_script_and_no_other_site_gets(
    console: ConsoleUnderTest,
):
    with console.browser() as browser:
        answer = browser.send("/sign-in", {"key": OPERATOR_KEY, "next": "/endpoints"}, csrf="")
        assert answer.status_code == 303
        assert answer.headers["location"] == "/endpoints"
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert OPERATOR_KEY not in cookie
        assert browser.get("/").status_code == 200


def test_behind_tls_the_cookie_is_sent_over_tls_alone(console: ConsoleUnderTest):
    with console.browser() as browser:
        browser.http.headers["X-Forwarded-Proto"] = "https"
        answer = browser.send("/sign-in", {"key": OPERATOR_KEY}, csrf="")
        assert "; Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/sign-in",
    ],
)
def test_signing_in_leads_to_no_other_site(console: ConsoleUnderTest, target: str):
    with console.browser() as browser:
        answer = browser.send("/sign-in", {"key": OPERATOR_KEY, "next": target}, csrf="")
        assert answer.headers["location"] == "/"


def test_wrong_keys_are_refused_and_at_last_throttled(console: ConsoleUnderTest):
    with console.browser() as browser:
        answers = [browser.send("/sign-in", {"key": "wrong"}, csrf="") for _ in range(21)]
    assert [answer.status_code for answer in answers] == [401] * 20 + [429]
    assert int(answers[-1].headers["retry-after"]) > 0
    assert "set-cookie" not in answers[-1].headers


def test_an_accounts_key_opens_no_operators_pages(console: ConsoleUnderTest):
    key = console.api.new_key(account=console.api.new_account())
    with console.browser() as browser:
        assert browser.send("/sign-in", {"key": key}, csrf="").status_code == 403


def test_another_sites_form_signs_nobody_in(console: ConsoleUnderTest):
    with console.browser() as browser:
        headers = {"Origin": "https://evil.example"}
        answer = browser.send("/sign-in", {"key": OPERATOR_KEY}, csrf="", headers=headers)
        assert answer.status_code == 403


def test_signing_out_ends_the_session_itself(console: ConsoleUnderTest):
    with console.operator() as browser:
        cookie = browser.http.cookies["pipeline_session"]
        assert browser.send("/sign-out", {}, csrf=browser.csrf("/")).status_code == 303
        browser.http.cookies.set("pipeline_session", cookie)
        assert browser.get("/").status_code == 303


def test_a_key_that_is_revoked_signs_its_session_out(console: ConsoleUnderTest):
    made = console.api.made_key()
    with console.browser() as browser:
        assert browser.send("/sign-in", {"key": made["key"]}, csrf="").status_code == 303
        assert browser.get("/").status_code == 200
        assert console.api.operator.delete(f"/v1/keys/{made['id']}").status_code == 204
        assert browser.get("/").status_code == 303


@pytest.mark.parametrize("password", ["short", "x" * 257])
def test_a_password_that_is_too_short_or_too_long_is_refused(password: str):
    with pytest.raises(UnusablePassword):
        check_password(password)


def test_a_password_is_kept_as_argon2id_alone():
    assert PASSWORD_HASH.startswith("$argon2id$")
    assert is_password(PASSWORD, PASSWORD_HASH)
    assert not is_password("another one", PASSWORD_HASH)
    assert not is_password(PASSWORD, None)
    assert not is_password(PASSWORD, "no hash")


def all_bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


class Watch:
    """A clock that a test moves, and a store."""

    def __init__(self, store: RegistryStore) -> None:
        self.store = store
        self.time_ms = 1_000_000
        ports = SessionPorts(
            store.operators,
            cast("Authentication", None),  # of keys, which no test here shows
            SessionRules(lasting_ms=12 * HOUR_MS, idle_ms=HOUR_MS),
            lambda: self.time_ms,
            secrets.token_bytes,
        )
        self.sessions = Sessions(ports)

    async def begin(self, password: str = PASSWORD) -> str:
        return await self.sessions.begin_with_password("ada", password, address="10.1.1.1")


@pytest.fixture
def watch(tmp_path: Path) -> Generator[Watch]:
    url = f"sqlite:///{tmp_path / 'store.sqlite'}"
    store = opened_registry(Settings(store=StoreSettings(url=url)))
    store.operators.put_operator(Operator("ada", PASSWORD_HASH, 1))
    yield Watch(store)
    store.close()


async def test_an_operator_signs_in_with_a_password_and_has_a_name(watch: Watch):
    visitor = await watch.sessions.visitor(await watch.begin())
    assert visitor is not None
    assert (visitor.name, visitor.is_operator, visitor.may_write) == ("ada", True, True)


async def test_a_session_ends_when_it_is_idle_and_after_its_time(watch: Watch):
    token = await watch.begin()
    for _ in range(23):
        watch.time_ms += HOUR_MS // 2
        assert await watch.sessions.visitor(token) is not None
    watch.time_ms += HOUR_MS // 2
    assert await watch.sessions.visitor(token) is None, "12 hours are over, however busy they were"
    token = await watch.begin()
    watch.time_ms += HOUR_MS + 1
    assert await watch.sessions.visitor(token) is None, "nothing was asked for an hour"


async def test_the_store_has_no_token_that_would_open_a_session(watch: Watch, tmp_path: Path):
    token = await watch.begin()
    kept = await asyncio.to_thread(all_bytes, tmp_path)
    assert token.encode() not in kept
    assert bytes.fromhex(token) not in kept


async def test_another_password_and_a_removal_end_an_operators_sessions(watch: Watch):
    token = await watch.begin()
    await asyncio.to_thread(
        watch.store.operators.put_operator, Operator("ada", hash_of_password("x" * 12), 2)
    )
    assert await watch.sessions.visitor(token) is None
    token = await watch.begin("x" * 12)
    assert watch.store.operators.remove_operator("ada")
    assert await watch.sessions.visitor(token) is None
    with pytest.raises(Problem) as refused:
        await watch.begin("x" * 12)
    assert refused.value.status == 401


async def test_wrong_passwords_are_throttled_before_they_are_verified(watch: Watch):
    statuses: list[int] = []
    for _ in range(21):
        with pytest.raises(Problem) as refused:
            await watch.begin("x" * 300)  # too long to be verified: quick
        statuses.append(refused.value.status)
    assert statuses == [401] * 20 + [429]
    with pytest.raises(Problem):
        await watch.begin()
