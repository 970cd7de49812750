"""What streams are made of: parts worked out once for all, places, and how a stream is written."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Any

import pytest
from starlette.responses import HTMLResponse, Response
from starlette.types import Message

from pipeline.api.console import live_stream
from pipeline.api.console.live_parts import OVER, LiveParts, Sight
from pipeline.api.console.live_places import Places
from pipeline.api.console.live_stream import LiveStream, Looking
from pipeline.api.problems import not_found, unavailable
from pipeline.ports import StoreFailed
from pipeline.registry import Access

SIGHT = Sight("", None, Access.FULL, "/live/", "")
SOON = 0.01


class Shown:
    """A page whose live part a test changes."""

    def __init__(self) -> None:
        self.answers: Response | Exception = HTMLResponse("first")
        self.asked = 0
        self.slow = asyncio.Event()
        self.slow.set()

    async def ask(self) -> Response:
        self.asked += 1
        await self.slow.wait()
        if isinstance(self.answers, Exception):
            raise self.answers
        return self.answers


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - on what no event tells of
            await asyncio.sleep(0.001)


async def test_a_part_is_worked_out_once_for_all_who_see_the_same():
    parts, shown = LiveParts(), Shown()
    shown.slow.clear()
    with ExitStack() as looking:
        looked_at = [
            looking.enter_context(parts.watched(SIGHT, shown.ask, every_seconds=60))
            for _ in range(100)
        ]
        await until(lambda: shown.asked > 0)
        readers = [
            asyncio.get_running_loop().create_task(part.other_than(b"", within_seconds=10))
            for part in looked_at
        ]
        shown.slow.set()
        told = await asyncio.gather(*readers)
    assert {found.text for found in told if found} == {"first"}
    assert shown.asked == 1


async def test_who_is_late_is_told_the_newest_alone_and_nothing_twice():
    parts, shown = LiveParts(), Shown()
    with parts.watched(SIGHT, shown.ask, every_seconds=SOON) as part:
        first = await part.other_than(b"", within_seconds=10)
        assert first is not None
        for text in ("second", "third"):
            shown.answers, asked = HTMLResponse(text), shown.asked
            await until(lambda asked=asked: shown.asked >= asked + 2)
        last = await part.other_than(first.mark, within_seconds=10)
        assert last is not None
        assert (last.word, last.text) == ("part", "third")
        assert await part.other_than(last.mark, within_seconds=SOON) is None


async def test_nothing_is_asked_once_nobody_looks():
    parts, shown = LiveParts(), Shown()
    with parts.watched(SIGHT, shown.ask, every_seconds=0) as part:
        await part.other_than(b"", within_seconds=10)
    await asyncio.sleep(0)
    asked = shown.asked
    await asyncio.sleep(SOON)
    assert shown.asked == asked


@pytest.mark.parametrize("passing", [StoreFailed("away"), unavailable("away")])
async def test_a_store_that_is_away_for_a_moment_takes_nothing_from_the_page(passing: Exception):
    parts, shown = LiveParts(), Shown()
    with parts.watched(SIGHT, shown.ask, every_seconds=SOON) as part:
        first = await part.other_than(b"", within_seconds=10)
        assert first is not None
        shown.answers, asked = passing, shown.asked
        await until(lambda: shown.asked >= asked + 2)
        assert await part.other_than(first.mark, within_seconds=SOON) is None


async def test_what_is_there_no_more_is_over():
    parts, shown = LiveParts(), Shown()
    shown.answers = not_found("It was removed.")
    with parts.watched(SIGHT, shown.ask, every_seconds=SOON) as part:
        assert await part.other_than(b"", within_seconds=10) == OVER


async def test_an_empty_list_is_loaded_anew_when_it_is_one():
    parts, shown = LiveParts(), Shown()
    shown.answers = Response(status_code=204)
    with parts.watched(SIGHT, shown.ask, every_seconds=SOON) as part:
        assert await part.other_than(b"", within_seconds=SOON * 5) is None
        shown.answers = Response(status_code=204, headers={"HX-Refresh": "true"})
        found = await part.other_than(b"", within_seconds=10)
        assert found is not None
        assert found.word == "again"


def test_places_are_bounded_for_each_and_for_all():
    places = Places(most=3, most_of_one=2)
    assert [places.take("a") for _ in range(3)] == [True, True, False]
    assert [places.take("b") for _ in range(2)] == [True, False]
    places.leave("a")
    assert places.take("b")


class Reader:
    """Somebody who reads a stream; `takes` is cleared where they take nothing."""

    def __init__(self, shown: Shown) -> None:
        self.shown = shown
        self.parts = LiveParts()
        self.heard = b""
        self.left = 0
        self.takes = asyncio.Event()
        self.takes.set()
        self.went = asyncio.Event()

    async def send(self, message: Message) -> None:
        await self.takes.wait()
        self.heard += message.get("body", b"")

    async def receive(self) -> Message:
        await self.went.wait()
        return {"type": "http.disconnect"}

    def leave(self) -> None:
        self.left += 1

    async def read(self, may_stay: Callable[[], Awaitable[bool | None]]) -> None:
        """To its end."""
        looking = Looking(may_stay, lambda text: text.replace("OWN", "mine"), self.leave)
        with self.parts.watched(SIGHT, self.shown.ask, every_seconds=SOON) as part:
            stream: Any = LiveStream(self.parts, part, looking)
            async with asyncio.timeout(10):
                await stream({"type": "http"}, self.receive, self.send)


async def yes() -> bool:
    return True


async def test_no_text_ends_its_line_and_each_reader_is_told_their_own():
    reader = Reader(Shown())
    reader.shown.answers = HTMLResponse("a\rb\nevent: over\r\n\r\nid: OWN")
    reading = asyncio.get_running_loop().create_task(reader.read(yes))
    await until(lambda: b"mine" in reader.heard)
    reader.went.set()
    await reading
    assert reader.heard == (
        b": still here\nevent: beat\ndata:\n\n"
        b"event: part\ndata: a\ndata: b\ndata: event: over\ndata: \ndata: id: mine\n\n"
    )
    assert reader.left == 1


@pytest.mark.parametrize(("answer", "is_told"), [(False, True), (None, False)])
async def test_who_loses_the_right_is_told_so_and_nothing_more(
    monkeypatch: pytest.MonkeyPatch, *, answer: bool | None, is_told: bool
):
    monkeypatch.setattr(live_stream, "CHECK_SECONDS", SOON)
    reader = Reader(Shown())

    async def may_stay() -> bool | None:
        reader.shown.answers = HTMLResponse("of somebody else")
        return answer

    await reader.read(may_stay)
    assert (b"event: over" in reader.heard) is is_told
    assert b"of somebody else" not in reader.heard
    assert reader.left == 1


async def test_who_takes_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(live_stream, "STUCK_SECONDS", SOON)
    reader = Reader(Shown())
    reading = asyncio.get_running_loop().create_task(reader.read(yes))
    await until(lambda: b"first" in reader.heard)
    reader.takes.clear()
    reader.shown.answers = HTMLResponse("second")
    await reading
    assert reader.left == 1


async def test_all_streams_end_with_the_process():
    reader = Reader(Shown())
    reading = asyncio.get_running_loop().create_task(reader.read(yes))
    await until(lambda: b"first" in reader.heard)
    reader.parts.close()
    await reading
    assert reader.left == 1


async def test_it_says_something_though_nothing_happens(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(live_stream, "BEAT_SECONDS", SOON)
    reader = Reader(Shown())
    reading = asyncio.get_running_loop().create_task(reader.read(yes))
    await until(lambda: reader.heard.count(b": still here") > 2)
    reader.went.set()
    await reading
