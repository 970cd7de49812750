"""The console as a browser uses it: cookies kept, forms sent with what the page gave."""

from __future__ import annotations

import re
import secrets
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx

from pipeline.adapters.storage.recorder_store import RecorderStore
from pipeline.clock import now_ms
from pipeline.domain.delivery import Attempt
from tests.api.delivery_facts import recording_store
from tests.api.running_api import OPERATOR_KEY, RunningApi
from tests.storage.builders import a_failure

ANCESTOR = "https://app.example.com"
_CSRF = re.compile(r'name="csrf" value="([0-9a-f]{64})"')


@dataclass
class ConsoleUnderTest:
    """A running API with its pages."""

    api: RunningApi
    data_dir: Path

    @contextmanager
    def browser(self, *, address: str = "") -> Generator[Browser]:
        """Somebody from an address of their own, so that nobody is throttled for another."""
        headers = {"X-Forwarded-For": address or f"10.{_byte()}.{_byte()}.{_byte()}"}
        with httpx.Client(base_url=self.api.url, headers=headers, timeout=30) as http:
            yield Browser(http, self.api.url)

    @contextmanager
    def operator(self) -> Generator[Browser]:
        """Signed in with the operator's key."""
        with self.browser() as browser:
            entered = browser.send("/sign-in", {"key": OPERATOR_KEY}, csrf="")
            assert entered.status_code == 303, entered.text
            yield browser

    @contextmanager
    def visitor_of(self, account: str, access: str = "full") -> Generator[Browser]:
        """Come by a link."""
        with self.browser() as browser:
            entered = browser.get(self.link(account, access))
            assert entered.status_code == 303, entered.text
            yield browser

    def link(self, account: str, access: str) -> str:
        """Its path."""
        made = self.api.operator.post(
            f"/v1/accounts/{account}/console-link", json={"access": access}
        )
        assert made.status_code == 201, made.text
        return made.json()["url"].removeprefix(self.api.url)

    def new_endpoint(self, account: str, **members: Any) -> str:
        """Its id."""
        document = {"url": "http://127.0.0.1:9/hook", **members}
        made = self.api.operator.post(f"/v1/accounts/{account}/endpoints", json=document)
        assert made.status_code == 201, made.text
        return made.json()["id"]

    def tried(self, account: str, endpoint: str, **changes: Any) -> Attempt:
        """A failed attempt in the log, as a recorder writes it."""
        number = secrets.token_hex(6)
        attempt = a_failure(
            **{
                "delivery_id": f"dlv_{number}",
                "webhook_id": f"msg_{number}",
                "event_id": f"evt_{number}",
                "account": account,
                "endpoint": endpoint,
                "started_at_ms": now_ms(),
                **changes,
            }
        )
        with recording_store(f"sqlite:///{self.data_dir / 'store.sqlite'}") as store:
            RecorderStore(store).write([attempt], [], {})
        return attempt


class Browser:
    """Follows no redirects."""

    def __init__(self, http: httpx.Client, origin: str) -> None:
        self.http = http
        self.origin = origin

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.http.get(path, **options)

    def csrf(self, page: str) -> str:
        """What the forms of a page have."""
        found = _CSRF.search(self.get(page).text)
        assert found, f"no form at {page}"
        return found[1]

    def send(
        self,
        path: str,
        fields: Mapping[str, Any],
        *,
        csrf: str,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """A form, from a page of the same origin where nothing else is said."""
        sent = {"Origin": self.origin} if headers is None else dict(headers)
        return self.http.post(path, data={"csrf": csrf, **fields}, headers=sent)


class Markup(HTMLParser):
    """What of a page a browser would run, and where it would load something from."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.inline: list[str] = []
        self.urls: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        found = dict(attrs)
        if tag == "script" and "src" not in found:
            self.inline.append("script")
        for name, value in found.items():
            if name.startswith("on") or name == "style":
                self.inline.append(name)
            if name in {"src", "href", "action", "formaction", "hx-get", "hx-post"}:
                self.urls.append(value or "")


def _byte() -> int:
    return secrets.randbelow(256)
