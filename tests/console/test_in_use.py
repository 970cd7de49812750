"""What only a browser shows: live parts that leave people alone, forms that help, and frames."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Request, Route

from tests.api.running_api import OPERATOR_KEY
from tests.console.browsing import ANCESTOR, ConsoleUnderTest
from tests.console.chromium import Tab, opened_tab, running_chromium

ELSEWHERE = "https://elsewhere.example.com"


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    with running_chromium() as running:
        yield running


@contextmanager
def operator(browser: Browser, console: ConsoleUnderTest) -> Generator[Tab]:
    with opened_tab(browser, console.api.url) as tab:
        tab.go("/sign-in")
        tab.fill("Key", OPERATOR_KEY)
        tab.press("Sign in with the key")
        tab.wait_path("/")
        yield tab


def asked_by(tab: Tab, part: str) -> list[str]:
    """What it asks the server for now, if anything."""
    asked: list[str] = []

    def note(request: Request) -> None:
        if request.headers.get("hx-request"):
            asked.append(request.url)

    tab.page.on("request", note)
    tab.page.evaluate("part => htmx.trigger(part, 'seen')", part)
    tab.page.evaluate("0")  # whatever it has asked for is told before this answer
    tab.page.remove_listener("request", note)
    return asked


def hide(tab: Tab, *, hidden: bool) -> None:
    tab.page.evaluate(
        """hidden => {
            Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});
            document.dispatchEvent(new Event('visibilitychange'));
        }""",
        hidden,
    )


def test_a_live_part_rests_while_its_page_is_hidden_and_is_fresh_when_it_is_seen(
    browser: Browser, console: ConsoleUnderTest
):
    console.tried(console.api.new_account(), "ep_of_nobody")
    with operator(browser, console) as tab:
        assert asked_by(tab, "#live") != []
        hide(tab, hidden=True)
        assert asked_by(tab, "#live") == []
        with tab.page.expect_response(lambda answer: "hx-request" in answer.request.headers):
            hide(tab, hidden=False)


def test_what_somebody_has_opened_typed_or_selected_is_not_taken_away(
    browser: Browser, console: ConsoleUnderTest
):
    account = console.api.new_account()
    console.tried(account, console.new_endpoint(account))
    with operator(browser, console) as tab:
        tab.page.get_by_text("The figures as a table").click()
        assert asked_by(tab, "#live") == []
        assert tab.page.locator("#live details[open]").count() == 1
        tab.page.get_by_text("The figures as a table").click()
        tab.page.evaluate("document.activeElement.blur()")
        assert asked_by(tab, "#live") != []
        tab.page.evaluate("document.getSelection().selectAllChildren(document.querySelector('dl'))")
        assert asked_by(tab, "#live") == []
        tab.page.evaluate("document.getSelection().removeAllRanges()")
        tab.go(f"/deliveries?account={account}")
        tab.page.locator("#rows input").check()
        assert asked_by(tab, "#rows") == []
        assert tab.page.locator("#rows input").is_checked()


def test_an_answer_that_comes_when_somebody_has_begun_to_read_is_not_put_in(
    browser: Browser, console: ConsoleUnderTest
):
    console.tried(console.api.new_account(), "ep_of_nobody")
    with operator(browser, console) as tab:

        def late(route: Route) -> None:
            answer = route.fetch()
            tab.page.evaluate("document.querySelector('#live details').open = true")
            route.fulfill(response=answer)

        tab.page.route("**/", late)
        with tab.page.expect_response(lambda answer: "hx-request" in answer.request.headers):
            tab.page.evaluate("htmx.trigger('#live', 'seen')")
        tab.page.unroute("**/", late)
        assert tab.page.locator("#live details[open]").count() == 1


def test_an_empty_list_becomes_one_by_itself(browser: Browser, console: ConsoleUnderTest):
    account = console.api.new_account()
    with operator(browser, console) as tab:
        tab.go(f"/deliveries?account={account}")
        tab.wait_text("Nothing fits")
        assert asked_by(tab, "section.empty") != []
        assert tab.page.locator("#rows").count() == 0
        console.tried(account, console.new_endpoint(account))
        tab.page.locator("#rows tr").wait_for()


def test_a_form_shows_the_fields_of_the_choice_and_the_body_without_being_left(
    browser: Browser, console: ConsoleUnderTest
):
    account = console.api.new_account()
    with operator(browser, console) as tab:
        tab.go(f"/endpoints/new?account={account}")
        token_url, key = tab.page.get_by_label("Token URL"), tab.page.get_by_label("Private key")
        assert not token_url.is_visible()
        tab.page.get_by_label("Authentication").select_option("oauth2")
        assert token_url.is_visible()
        assert not key.is_visible()
        assert tab.violations() == []
        tab.page.get_by_label("Authentication").select_option("mtls")
        assert key.is_visible()
        assert not token_url.is_visible()
        tab.page.get_by_label("Authentication").select_option("")
        tab.fill("URL", "http://127.0.0.1:9/kept")
        tab.fill("Other types", "parcel.sent")
        tab.press("Preview the body")
        tab.wait_text('"type": "parcel.sent"')
        assert tab.page.get_by_label("URL", exact=True).input_value() == "http://127.0.0.1:9/kept"
        assert tab.violations() == []
        tab.page.get_by_label("URL", exact=True).press("Enter")
        tab.wait_text("The endpoint is created.")
        tab.press("Show its body")
        tab.wait_text("as it would be sent")
        assert tab.violations() == []


def framing(tab: Tab, origin: str, url: str) -> None:
    """A page of that origin shows this one within it."""
    page = f'<!doctype html><title>t</title><iframe src="{url}" title="Webhooks"></iframe>'

    def answer(route: Route) -> None:
        route.fulfill(body=page, content_type="text/html")

    tab.page.route(f"{origin}/", answer)
    tab.page.goto(f"{origin}/")


def is_refused(said: ConsoleMessage) -> bool:
    return "frame-ancestors" in said.text


def test_the_pages_of_an_account_are_shown_within_a_named_origin(
    browser: Browser, console: ConsoleUnderTest
):
    link = console.link(console.api.new_account(), "read")
    with opened_tab(browser, console.api.url) as tab:
        # As behind a proxy with TLS: within another site's page no other cookie is sent.
        tab.page.context.set_extra_http_headers({"X-Forwarded-Proto": "https"})
        framing(tab, ANCESTOR, f"{console.api.url}{link}")
        tab.page.frame_locator("iframe").get_by_role("heading", name="Overview").wait_for()
        assert all(each.startswith("Mixed Content") for each in tab.complaints), tab.complaints
        tab.complaints.clear()  # there is no TLS, after all


@pytest.mark.parametrize("path", ["", "/sign-in"])
def test_nobodys_else_page_shows_them_and_none_shows_an_operators(
    browser: Browser, console: ConsoleUnderTest, path: str
):
    link = console.link(console.api.new_account(), "read")
    origin = ANCESTOR if path else ELSEWHERE
    with opened_tab(browser, console.api.url) as tab:
        with tab.page.expect_console_message(is_refused):
            framing(tab, origin, f"{console.api.url}{path or link}")
        tab.complaints.clear()  # that is what was to come
