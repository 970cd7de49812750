"""The demo as data: what is published, what the receiver answers, and what has to become of it."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from pipeline.resources import SAMPLES_DIR

DELIVERED: Final = "delivered"

_FOLDER: Final = Path(__file__).parent


class SampleEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An event as its producer writes it."""

    account: str
    type: str
    time: str
    data: Any
    subject: str | None = None


class PublishedEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is published, under the name that expectations use."""

    sample: str
    event: SampleEvent
    is_repeated: bool = True
    """Whether it is published in every round, not in the first alone."""


class ExpectedEndpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an endpoint does, and what has to become of each event that it gets."""

    id: str
    system: str
    contract: str
    events: tuple[str, ...]
    answers: tuple[int | None, ...]
    ends: str = DELIVERED
    delay_ms: int = 0

    @property
    def is_delivered(self) -> bool:
        return self.ends == DELIVERED


class StarredCompany(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A company that an account follows."""

    account: str
    company: str
    star: str


class Scenario(msgspec.Struct, frozen=True):
    """One run of the demo."""

    events: tuple[PublishedEvent, ...]
    endpoints: tuple[ExpectedEndpoint, ...]
    relations: tuple[StarredCompany, ...] = ()

    def event(self, sample: str) -> SampleEvent:
        """Raises KeyError: nothing is published under this name."""
        return {published.sample: published.event for published in self.events}[sample]


class _WrittenEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sample: str
    event: SampleEvent | None = None
    is_repeated: bool = True


class _Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    events: tuple[_WrittenEvent, ...]
    endpoints: tuple[ExpectedEndpoint, ...]
    relations: tuple[StarredCompany, ...] = ()


def read_scenario(run: str) -> Scenario:
    """The scenario of this version; `run` makes the bodies of some of its events this run's own."""
    text = string.Template((_FOLDER / "scenario.yaml").read_text("utf-8"))
    written = msgspec.yaml.decode(text.substitute(run=run), type=_Written)
    events = tuple(
        PublishedEvent(each.sample, each.event or _sample(each.sample), each.is_repeated)
        for each in written.events
    )
    return Scenario(events, written.endpoints, written.relations)


def endpoints_document(values: Mapping[str, str]) -> bytes:
    """The accounts and endpoints, in YAML, with the names that begin with $ filled in.

    Raises:
        KeyError: a name has no value.
    """
    text = string.Template((_FOLDER / "endpoints.yaml").read_text("utf-8"))
    return text.substitute(values).encode()


def expectations(scenario: Scenario) -> Sequence[tuple[ExpectedEndpoint, str]]:
    """Each delivery that has to come of a run: its endpoint and the name of its event."""
    return [(endpoint, sample) for endpoint in scenario.endpoints for sample in endpoint.events]


def _sample(name: str) -> SampleEvent:
    return msgspec.json.decode((SAMPLES_DIR / f"{name}.json").read_bytes(), type=SampleEvent)
