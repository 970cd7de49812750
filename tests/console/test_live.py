"""Streams as a browser uses them: told, asking where it is not told, and leaving people alone."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Request, Route

from tests.api.running_api import STAGE, running_api
from tests.console.browsing import ConsoleUnderTest
from tests.console.chromium import Tab, running_chromium
from tests.console.test_in_use import hide, operator
from tests.kafka_broker import SessionBroker

STREAMS = "**/live/**"
TOLD = "document.body.dataset.stream === 'told'"
ASKED = "document.body.dataset.stream === 'asked'"


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    with running_chromium() as running:
        yield running


@pytest.fixture(scope="module")
def signed_in(browser: Browser, console: ConsoleUnderTest) -> Generator[Tab]:
    """One tab for all tests, each with an account of its own."""
    with operator(browser, console) as tab:
        yield tab


@dataclass
class Log:
    """An account with a delivery in the log."""

    console: ConsoleUnderTest
    account: str
    endpoint: str

    @property
    def page(self) -> str:
        return f"/deliveries?account={self.account}"

    def grow(self) -> str:
        """By a delivery: its id."""
        return self.console.tried(self.account, self.endpoint).delivery_id


@pytest.fixture
def log(console: ConsoleUnderTest) -> Log:
    account = console.api.new_account()
    found = Log(console, account, console.new_endpoint(account))
    found.grow()
    return found


def wait(tab: Tab, condition: str) -> None:
    tab.page.wait_for_function(f"() => {condition}")


def polls_of(tab: Tab) -> list[str]:
    """What it asks the server for from now on."""
    asked: list[str] = []

    def note(request: Request) -> None:
        if request.headers.get("hx-request"):
            asked.append(request.url)

    tab.page.on("request", note)
    return asked


def told_by(tab: Tab) -> list[str]:
    """What its stream says from now on."""
    told: list[str] = []
    protocol: Any = tab.page.context.new_cdp_session(tab.page)
    protocol.send("Network.enable")

    def note(message: dict[str, str]) -> None:
        told.append(message["data"])

    protocol.on("Network.eventSourceMessageReceived", note)
    return told


def test_a_page_is_told_what_is_new_and_asks_for_nothing(signed_in: Tab, log: Log):
    tab = signed_in
    tab.go(log.page)
    wait(tab, TOLD)
    asked = polls_of(tab)
    tab.page.evaluate("window.isTheSame = true")
    tab.page.locator(f"#{log.grow()}").wait_for()
    assert tab.page.evaluate("window.isTheSame")
    assert asked == []


@pytest.mark.soak
def test_what_is_told_waits_while_somebody_uses_the_part(signed_in: Tab, log: Log):
    tab = signed_in
    told = told_by(tab)
    tab.go(log.page)
    wait(tab, TOLD)
    tab.page.locator("#rows input").check()
    newest = log.grow()
    deadline = time.monotonic() + 20
    while not any(newest in text for text in told):
        assert time.monotonic() < deadline
        tab.page.wait_for_timeout(50)
    assert tab.page.locator("#rows tr").count() == 1
    assert tab.page.locator("#rows input").is_checked()
    tab.page.locator("#rows input").uncheck()
    tab.page.evaluate("document.activeElement.blur()")
    tab.page.locator(f"#{newest}").wait_for()


@pytest.mark.soak
def test_a_hidden_page_has_no_stream_and_one_that_is_seen_again_has(signed_in: Tab):
    tab = signed_in
    tab.go("/system")
    wait(tab, TOLD)
    hide(tab, hidden=True)
    wait(tab, ASKED)
    with tab.page.expect_request(STREAMS):
        hide(tab, hidden=False)
    wait(tab, TOLD)


def test_a_page_asks_where_a_proxy_holds_its_stream_back(signed_in: Tab, log: Log):
    tab, held = signed_in, list[Route]()

    def hold(route: Route) -> None:
        held.append(route)

    tab.page.clock.install()
    tab.page.route(STREAMS, hold)
    tab.go(log.page)
    newest = log.grow()
    tab.page.clock.fast_forward(5_000)
    tab.page.locator(f"#{newest}").wait_for()
    assert held != []
    wait(tab, ASKED)
    tab.page.unroute(STREAMS, hold)
    for _ in range(3):  # it gives that stream up, and opens another one
        tab.page.clock.fast_forward(10_000)
    wait(tab, TOLD)


@pytest.mark.soak
def test_a_page_asks_where_there_is_no_room(signed_in: Tab, log: Log):
    tab = signed_in

    def refuse(route: Route) -> None:
        route.fulfill(status=204)

    tab.page.route(STREAMS, refuse)
    tab.go(log.page)
    tab.page.locator(f"#{log.grow()}").wait_for()
    wait(tab, ASKED)
    tab.page.unroute(STREAMS, refuse)
    wait(tab, TOLD)


@pytest.mark.soak
def test_who_is_signed_out_elsewhere_is_led_to_where_one_signs_in(
    browser: Browser, console: ConsoleUnderTest
):
    with operator(browser, console) as tab, console.browser() as elsewhere:
        wait(tab, TOLD)
        for cookie in tab.page.context.cookies():
            elsewhere.http.cookies.set(cookie.get("name", ""), cookie.get("value", ""))
        elsewhere.send("/sign-out", {}, csrf=elsewhere.csrf("/accounts/new"))
        tab.wait_path("/sign-in")


@pytest.mark.soak
def test_pages_find_the_process_that_comes_after_theirs(
    browser: Browser, broker: SessionBroker, tmp_path: Path
):
    with running_api(broker.bootstrap_servers, tmp_path / "data") as api:
        console = ConsoleUnderTest(api, tmp_path / "data")
        with operator(browser, console) as tab:
            tab.go("/system")
            wait(tab, TOLD)
            began = time.monotonic()
            api.pipeline.stop(STAGE)
            assert time.monotonic() - began < 6, "it drains for 8 s what is under way"
            wait(tab, ASKED)
            api.pipeline.run(STAGE)
            wait(tab, TOLD)
            assert all("ERR_" in one or "htmx:" in one for one in tab.complaints), tab.complaints
            tab.complaints.clear()  # the browser's own notes of a server that was away
        assert "Traceback" not in api.log()
