"""A real Chromium: the system's, driven over its own protocol. Nothing is downloaded."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

AXE: Final = (Path(__file__).parent / "axe-core-4.14.1.min.js").read_text()
PHONE: Final = 390
DESK: Final = 1440
_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
_PATIENCE_MS: Final = 20_000
_ARGUMENTS: Final = (
    # It runs as root in containers, and shows our own pages alone.
    "--no-sandbox",
    # A page of a made-up origin shows one of this machine's within it, without asking anybody.
    "--disable-features=LocalNetworkAccessChecks",
)


@contextmanager
def running_chromium() -> Generator[Browser]:
    """One browser. Without one the tests are skipped, and fail where nothing may be skipped."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        missing = "no Chromium is installed (apt-get install chromium)"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Tab:
    """A page, and everything that it complained of: errors, warnings, breaches of its policy."""

    page: Page
    origin: str
    complaints: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        self.page.set_default_timeout(_PATIENCE_MS)
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(f"dialog {dialog.message}"))

    def go(self, path: str) -> int:
        """The status of the answer."""
        answer = self.page.goto(self.origin + path)
        assert answer is not None
        return answer.status

    def press(self, name: str, *, within: str = "main") -> None:
        """The button of that name."""
        self.page.locator(within).get_by_role("button", name=name, exact=True).first.click()

    def fill(self, label: str, text: str, *, within: str = "main") -> None:
        """The field of that label."""
        self.page.locator(within).get_by_label(label).first.fill(text)

    def wait_text(self, text: str, *, within: str = "main") -> None:
        """Until it is there to be seen."""
        self.page.locator(within).get_by_text(text).first.wait_for()

    def wait_path(self, path: str) -> None:
        self.page.wait_for_url(f"{self.origin}{path}")

    def text(self, selector: str = "main") -> str:
        return self.page.locator(selector).first.inner_text()

    def violations(self, *, rules: tuple[str, ...] = ()) -> list[str]:
        """What axe-core finds; all of its rules where none are named."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE)
        options: dict[str, Any] = {"resultTypes": ["violations"]}
        if rules:
            options["runOnly"] = {"type": "rule", "values": list(rules)}
        found = self.page.evaluate("options => axe.run(document, options)", options)
        return [
            f"{one['id']}: {[node['target'] for node in one['nodes']]}"
            for one in found["violations"]
        ]

    @property
    def overflow_px(self) -> int:
        """How much wider the page is than its window."""
        return self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)


@contextmanager
def opened_tab(
    browser: Browser, origin: str, *, width: int = DESK, scheme: Any = "light"
) -> Generator[Tab]:
    """With cookies of its own. Whoever breaks the pages' policy or logs an error fails."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    try:
        tab = Tab(context.new_page(), origin)
        yield tab
        assert tab.complaints == [], tab.complaints
    finally:
        context.close()
