"""Streams of live parts over real sockets: who gets which, how many, and how they end."""

from __future__ import annotations

import re
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import httpx

from tests.console.browsing import Browser, ConsoleUnderTest

LIVE = re.compile(r'data-live="([^"]+)"')


@dataclass
class Stream:
    """An open one."""

    answer: httpx.Response
    lines: Iterator[str]

    def next(self, word: str) -> str:
        """The text of the next event of that word."""
        for line in self.lines:
            if line == f"event: {word}":
                return "\n".join(self._texts())
        raise AssertionError(f"it ended without {word}")

    def words(self) -> list[str]:
        """Of all events to its end."""
        return [line.removeprefix("event: ") for line in self.lines if line.startswith("event: ")]

    def _texts(self) -> Iterator[str]:
        for line in self.lines:
            if not line:
                return
            yield line.removeprefix("data:").removeprefix(" ")


@contextmanager
def streamed(browser: Browser, path: str) -> Generator[Stream]:
    with browser.http.stream("GET", path) as answer:
        yield Stream(answer, answer.iter_lines())


def test_a_stream_says_at_once_that_it_is_there_and_tells_what_is_new(console: ConsoleUnderTest):
    account = console.api.new_account()
    endpoint = console.new_endpoint(account)
    first = console.tried(account, endpoint)
    with (
        console.operator() as operator,
        streamed(operator, f"/live/deliveries?account={account}") as stream,
    ):
        headers = stream.answer.headers
        assert headers["content-type"] == "text/event-stream; charset=utf-8"
        assert (headers["cache-control"], headers["x-accel-buffering"]) == ("no-store", "no")
        assert "script-src 'self'" in headers["content-security-policy"]
        assert next(stream.lines).startswith(":")
        assert stream.next("beat") == ""
        rows = stream.next("part")
        assert first.delivery_id in rows
        assert "<html" not in rows
        second = console.tried(account, endpoint)
        assert second.delivery_id in stream.next("part")


def test_every_page_that_says_it_is_live_has_a_stream_of_that_part(console: ConsoleUnderTest):
    endpoint = console.new_endpoint(console.api.new_account())
    with console.operator() as operator:
        for path in ("/", "/system", "/dead-letters", f"/endpoints/{endpoint}"):
            page = operator.get(path).text
            found = LIVE.search(page)
            assert found, path
            with streamed(operator, found[1].replace("&amp;", "&")) as stream:
                assert "<html" not in stream.next("part"), path


def test_a_link_sees_its_own_account_alone_and_nobody_sees_nothing(console: ConsoleUnderTest):
    own, other = console.api.new_account(), console.api.new_account()
    others = console.tried(other, console.new_endpoint(other)).delivery_id
    mine = console.tried(own, console.new_endpoint(own)).delivery_id
    with console.visitor_of(own, "read") as owner, console.browser() as nobody:
        for query in ("", f"?account={other}"):
            with streamed(owner, f"/portal/live/deliveries{query}") as stream:
                assert stream.answer.status_code == 200
                rows = stream.next("part") if not query else "".join(stream.words())
                assert others not in rows
                assert (mine in rows) is not query
        assert owner.get("/live/deliveries").status_code == 401
        assert owner.get("/portal/live/system").status_code == 404
        for path in ("/live/", "/live/system", "/portal/live/deliveries"):
            assert nobody.get(path).status_code == 401


def test_streams_end_with_the_right_to_them(console: ConsoleUnderTest):
    made = console.api.made_key()
    with console.browser() as revoked, console.operator() as leaving, ExitStack() as open_streams:
        revoked.send("/sign-in", {"key": made["key"]}, csrf="")
        streams = [
            open_streams.enter_context(streamed(browser, "/live/system"))
            for browser in (revoked, leaving)
        ]
        for stream in streams:
            stream.next("beat")
        csrf = leaving.csrf("/accounts/new")
        assert console.api.operator.delete(f"/v1/keys/{made['id']}").status_code == 204
        assert leaving.send("/sign-out", {}, csrf=csrf).status_code == 303
        began = time.monotonic()
        assert [stream.words()[-1] for stream in streams] == ["over", "over"]
        assert time.monotonic() - began < 15
        assert leaving.get("/live/system").status_code == 401


def test_one_session_has_so_many_streams_and_no_more(console: ConsoleUnderTest):
    with console.operator() as operator:
        with ExitStack() as open_streams:
            for _ in range(5):
                stream = open_streams.enter_context(streamed(operator, "/live/system"))
                assert stream.answer.status_code == 200
            assert operator.get("/live/system").status_code == 204
            with console.operator() as another, streamed(another, "/live/system") as stream:
                assert stream.answer.status_code == 200
        status = 204
        deadline = time.monotonic() + 20
        while status == 204 and time.monotonic() < deadline:
            with streamed(operator, "/live/system") as stream:
                status = stream.answer.status_code
        assert status == 200, "who leaves makes room"
        assert operator.http.head("/live/system").status_code == 204
