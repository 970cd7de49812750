"""How the demo goes: publish, watch what becomes of it, say whether that is as it has to be."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from pipeline.demo.judge import Judge
from pipeline.demo.progress import Deliveries, Progress, problems_of, progress_of, unasked
from pipeline.demo.scenario import PublishedEvent, Scenario
from pipeline.demo.tail import Tail

SETTLE_SECONDS: Final = 40.0
"""How long it may take until all is delivered or given up; the scenario itself needs about 6."""
ROUND_SECONDS: Final = 15.0
_POLL_SECONDS: Final = 0.1

Publish = Callable[[Sequence[tuple[str, PublishedEvent]]], None]
"""Publishes events under these ids; returns when Kafka has them."""


class Screen(Protocol):
    """Where people see how it goes."""

    def show(self, progress: Sequence[Progress], title: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Props:
    """What a performance needs."""

    scenario: Scenario
    judge: Judge
    tail: Tail
    publish: Publish
    screen: Screen
    new_event_id: Callable[[], str]
    is_over: Callable[[], bool]
    """Whether somebody wants it to end."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of the newest round."""

    progress: Sequence[Progress]
    problems: Sequence[str]
    """What is not as it has to be."""


class Performance:
    """One run. One thread."""

    def __init__(self, props: Props) -> None:
        self._props = props
        self._event_ids: dict[str, str] = {}
        self._rounds = 0
        self._progress: list[Progress] = []

    def play_once(self) -> Result:
        """Publish everything, and watch until nothing more can become of it, or for 40 s."""
        self._publish(self._props.scenario.events)
        self._watch(SETTLE_SECONDS, lambda: all(each.is_settled for each in self._progress))
        return self._result(self._progress)

    def play_on(self) -> Result:
        """The same, and what can be repeated again every 15 s, until it is to end."""
        self._publish(self._props.scenario.events)
        self._watch(ROUND_SECONDS, lambda: False)
        repeated = [event for event in self._props.scenario.events if event.is_repeated]
        while not self._props.is_over():
            self._publish(repeated)
            self._watch(ROUND_SECONDS, lambda: False)
        # What is under way when it is to end is nobody's fault.
        return self._result([each for each in self._progress if each.is_settled])

    def _publish(self, events: Iterable[PublishedEvent]) -> None:
        published = [(self._props.new_event_id(), event) for event in events]
        ids = {event.sample: event_id for event_id, event in published}
        self._event_ids |= ids
        self._rounds += 1
        self._props.judge.expect(ids)
        self._props.publish(published)

    def _watch(self, seconds: float, is_done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self._props.is_over():
            self._props.tail.poll(_POLL_SECONDS)
            self._progress = progress_of(self._props.scenario, self._event_ids, self._known())
            self._props.screen.show(self._progress, self._title())
            if is_done():
                return

    def _known(self) -> Deliveries:
        tail = self._props.tail
        return Deliveries(tail.attempts, tail.letters, self._props.judge.seen())

    def _title(self) -> str:
        settled = sum(each.is_settled for each in self._progress)
        return f"round {self._rounds}: {settled} of {len(self._progress)} deliveries settled"

    def _result(self, judged: Iterable[Progress]) -> Result:
        problems = [
            f"{each.expected.id}, {each.event_type}: {problem}"
            for each in judged
            for problem in problems_of(each)
        ]
        problems += unasked(self._known(), self._progress)
        return Result(self._progress, problems)
