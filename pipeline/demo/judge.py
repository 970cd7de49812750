"""Judges what the receiver gets, and answers as the scenario says."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from pipeline.demo.bodies import BODIES, Occurrence
from pipeline.demo.contracts import CONTRACTS, Request, problems_of
from pipeline.demo.keys import DemoKeys
from pipeline.demo.receiver import Reply
from pipeline.demo.scenario import ExpectedEndpoint, Scenario

_RUN: Final = re.compile(rb'"run":"(\w+)"')
_SHOWN_BODY_BYTES: Final = 300


@dataclass(frozen=True, slots=True)
class Seen:
    """One request of this run."""

    endpoint: str
    webhook_id: str
    status: int
    """What it was answered with."""
    sample: str | None
    """The event whose body it has; None if it is none of those that belong there."""
    problems: tuple[str, ...]


class Judge:
    """Remembers what came and what was wrong with it. Any thread."""

    def __init__(self, scenario: Scenario, keys: DemoKeys, *, run: str) -> None:
        self._scenario = scenario
        self._keys = keys
        self._run = run.encode()
        self._endpoints = {endpoint.id: endpoint for endpoint in scenario.endpoints}
        self._event_ids: Mapping[str, str] = {}
        self._lock = threading.Lock()
        self._seen: list[Seen] = []
        self._attempts: Counter[tuple[str, str]] = Counter()

    def expect(self, event_ids: Mapping[str, str]) -> None:
        """The ids that the events are published with, by the samples' names."""
        self._event_ids = {**self._event_ids, **event_ids}

    def seen(self) -> list[Seen]:
        """All requests so far, in order of arrival."""
        with self._lock:
            return list(self._seen)

    def answer(self, request: Request) -> Reply:
        """What the receiver is to say."""
        endpoint = self._endpoints.get(request.endpoint)
        if endpoint is None:
            return Reply(HTTPStatus.NOT_FOUND)
        if self._is_of_another_run(request):
            return Reply(HTTPStatus.NO_CONTENT)
        sample = self._sample_of(request, endpoint)
        problems = problems_of(request, CONTRACTS[endpoint.contract], self._keys)
        if sample is None:
            shown = ascii(request.body[:_SHOWN_BODY_BYTES].decode("utf-8", "replace"))
            problems.append(f"the body is none of those expected: {shown}")
        with self._lock:
            reply = self._reply(endpoint, request.header("webhook-id"))
            self._seen.append(
                Seen(
                    endpoint.id,
                    request.header("webhook-id"),
                    reply.status,
                    sample,
                    tuple(problems),
                )
            )
        return reply

    def _is_of_another_run(self, request: Request) -> bool:
        """One that was stopped left deliveries behind; they must not count as this one's."""
        run = _RUN.search(request.body)
        return run is not None and run[1] != self._run

    def _sample_of(self, request: Request, endpoint: ExpectedEndpoint) -> str | None:
        body = BODIES[endpoint.contract]
        for sample in endpoint.events:
            event_id = self._event_ids.get(sample, "")
            occurrence = Occurrence(event_id, self._scenario.event(sample), endpoint.id)
            if body(occurrence).encode() == request.body:
                return sample
        return None

    def _reply(self, endpoint: ExpectedEndpoint, webhook_id: str) -> Reply:
        attempt = self._attempts[(endpoint.id, webhook_id)]
        self._attempts[(endpoint.id, webhook_id)] += 1
        status = endpoint.answers[min(attempt, len(endpoint.answers) - 1)]
        return Reply(status or HTTPStatus.NO_CONTENT, endpoint.delay_ms / 1000)
