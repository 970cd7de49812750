"""The console over a whole running pipeline, with somebody who receives, in a browser."""

from __future__ import annotations

import secrets
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from playwright.sync_api import Browser

from tests.api.running_api import OPERATOR_KEY, RunningApi
from tests.console.chromium import Tab, opened_tab
from tests.receiver import Answer, Receiver, Request
from tests.running_pipeline import eventually

BAD_BODY: Final = b"<script>window.hit=1</script><img src=x onerror='window.hit=1'>"


def answering(request: Request) -> Answer:
    """What the path says: `/refuse` is refused, `/broken` is to be tried again."""
    if "refuse" in request.path:
        return Answer(400, (("Content-Type", "text/html"), ("X-Evil", "<b>1</b>")), BAD_BODY)
    return Answer(503) if "broken" in request.path else Answer(200, (), b"{}")


@dataclass
class Browsed:
    """A pipeline whose every stage runs, and a browser."""

    api: RunningApi
    receiver: Receiver
    browser: Browser

    @contextmanager
    def tab(self, **options: Any) -> Generator[Tab]:
        """Of nobody yet."""
        with opened_tab(self.browser, self.api.url, **options) as tab:
            yield tab

    @contextmanager
    def operator(self, **options: Any) -> Generator[Tab]:
        """Signed in."""
        with self.tab(**options) as tab:
            tab.go("/sign-in")
            tab.fill("Key", OPERATOR_KEY)
            tab.press("Sign in with the key")
            tab.wait_path("/")
            yield tab

    @contextmanager
    def visitor_of(self, account: str, access: str = "full") -> Generator[Tab]:
        """Come by a link."""
        path = f"/v1/accounts/{account}/console-link"
        made = self.api.operator.post(path, json={"access": access})
        with self.tab() as tab:
            tab.page.goto(made.json()["url"])
            yield tab

    def endpoint(self, account: str, path: str = "/hook", **members: Any) -> str:
        """Its id."""
        document = {"url": self.receiver.url(path), **members}
        made = self.api.operator.post(f"/v1/accounts/{account}/endpoints", json=document)
        assert made.status_code == 201, made.text
        return made.json()["id"]

    def publish(self, account: str, *numbers: int, type: str = "order.created") -> None:  # noqa: A002 - an event's word
        events = [{"account": account, "type": type, "data": {"n": number}} for number in numbers]
        made = self.api.operator.post("/v1/events/batch", json={"events": events})
        assert made.status_code == 202, made.text

    def deliveries(self, account: str, count: int, *, status: str) -> Sequence[dict[str, Any]]:
        """Once there are so many that stand so."""
        query = {"account": account, "status": status}
        found: list[dict[str, Any]] = []

        def are_there() -> bool:
            found[:] = self.api.operator.get("/v1/deliveries", params=query).json()["items"]
            return len(found) >= count

        eventually(are_there, text=lambda: f"{len(found)} of {count} are {status}")
        return found

    def refused(self, *numbers: int) -> tuple[str, str]:
        """An account, and its endpoint, which got what it refuses: dead letters."""
        account = self.api.new_account()
        path = f"/refuse/{secrets.token_hex(4)}"
        endpoint = self.endpoint(account, path, retry={"delays": ["1s"]})
        self.publish(account, *numbers)
        self.deliveries(account, len(numbers), status="dead")
        return account, endpoint
