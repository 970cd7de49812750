"""Which endpoints a scenario has, as the files that an operator would write."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from pipeline.resources import TOPICS_FILE

IN_FLIGHT: Final = 64
_LIMIT: Final = re.compile(r"^( *dedicated_limit: )\d+$", re.MULTILINE)


class TopicKind(StrEnum):
    """Where endpoints' deliveries wait."""

    OWN = "own"
    SHARED = "shared"


@dataclass(frozen=True, slots=True)
class EndpointLayout:
    """Endpoints that want every event of their account, spread evenly over accounts."""

    accounts: int
    endpoints: int
    topics: TopicKind

    @property
    def fan_out(self) -> int:
        """How many endpoints get each event."""
        return self.endpoints // self.accounts

    def account(self, number: int) -> str:
        """Whose event this is."""
        return f"account-{number % self.accounts}"


def write_endpoints(path: Path, layout: EndpointLayout, *, port: int) -> None:
    """A file for `pipeline endpoints apply`: Standard Webhooks, signed, 64 requests in flight."""
    accounts = [
        {
            "id": layout.account(account),
            "profile": "standard-webhooks",
            "endpoints": [
                {
                    "id": f"endpoint-{account}-{number}",
                    "url": f"http://127.0.0.1:{port}/{account}/{number}",
                    "max_in_flight": IN_FLIGHT,
                }
                for number in range(layout.fan_out)
            ],
        }
        for account in range(layout.accounts)
    ]
    path.write_text(json.dumps({"accounts": accounts}))  # JSON is YAML


def write_topics(path: Path, layout: EndpointLayout) -> None:
    """This version's topics.yaml, under which endpoints get the wanted kind of topic."""
    limit = layout.endpoints if layout.topics is TopicKind.OWN else 0
    text, found = _LIMIT.subn(rf"\g<1>{limit}", TOPICS_FILE.read_text())
    assert found == 1, f"{TOPICS_FILE} names dedicated_limit {found} times"
    path.write_text(text)
