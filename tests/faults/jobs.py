"""Replays and redrives as callers of the API see them, beside a whole pipeline."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

from pipeline.domain.delivery import Delivery
from tests.faults.test_what_was_answered_holds import free_port
from tests.receiver import Receiver
from tests.running_pipeline import RunningPipeline, eventually

KEY = "the operator's key of a test, long enough"
SECONDS = 90.0
STAGES = ("router", "sender", "scheduler", "recorder")


@dataclass
class Jobs:
    """One process of the API, and what came of jobs."""

    pipeline: RunningPipeline
    port: int

    def ask(self, method: str, path: str, document: Any = None) -> Any:
        """What is changed, all stages have seen: events that come straight into Kafka follow it."""
        status, content = self.answered(method, path, document)
        assert status < 300, (method, path, status, content)
        if method != "GET":
            self.pipeline.wait_tables_seen()
        return json.loads(content) if content else None

    def answered(self, method: str, path: str, document: Any = None) -> tuple[int, bytes]:
        """Status and body, whatever they are."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
            body = None if document is None else json.dumps(document).encode()
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def make_endpoint(self, account: str, **members: Any) -> str:
        made = self.ask("POST", f"/v1/accounts/{account}/endpoints", members)
        return made["topic"]

    def wait_ended(self, path: str) -> Any:
        """The job, once it has ended."""
        found: list[Any] = [None]

        def has_ended() -> bool:
            found[0] = self.ask("GET", path)
            return found[0]["status"] in {"done", "failed", "cancelled"}

        eventually(has_ended, seconds=SECONDS, text=lambda: str(found[0]))
        return found[0]

    def written(self, topic: str, cause_id: str) -> list[Delivery]:
        """Deliveries of this cause, however often."""
        return [each for each in self.pipeline.deliveries(topic) if each.cause_id == cause_id]

    def kill_scheduler_at(self, *shares: int, receiver: Receiver, path: str) -> None:
        """kill -9, and start it again, whenever so many requests have come."""
        for share in shares:
            receiver.wait_for(share, path=path, seconds=SECONDS)
            self.pipeline.kill("scheduler")
            self.pipeline.start("scheduler")


@contextmanager
def running_jobs(pipeline: RunningPipeline) -> Generator[Jobs]:
    """Everything runs; the stages end with the pipeline."""
    port = free_port()
    pipeline.start(*STAGES)
    pipeline.start("api", PIPELINE_API__PORT=str(port), PIPELINE_API__OPERATOR_KEY=KEY)
    for stage in (*STAGES, "api"):
        pipeline.wait_ready(stage)
    jobs = Jobs(pipeline, port)
    account = {"id": "acme", "profile": "standard-webhooks"}
    # A store that is new takes what Kafka's tables say before it takes anything else.
    eventually(lambda: jobs.answered("POST", "/v1/accounts", account)[0] == 201)
    yield jobs


def times(values: list[Any]) -> int:
    """How often the most frequent one is there."""
    return max(Counter(values).values(), default=0)
