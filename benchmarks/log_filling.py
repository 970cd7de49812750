"""Attempts for a log of any size: mostly first successes, some retries, few dead letters."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Final, NamedTuple

from pipeline.domain.delivery import Attempt, DeadLetter, Decision, Outcome, Position, Reason
from pipeline.domain.delivery_state import Buried
from pipeline.domain.identifiers import delivery_id, new_id, webhook_id

ENDPOINTS: Final = 500
ENDPOINTS_OF_AN_ACCOUNT: Final = 5
TYPES: Final = 40
SUBJECTS: Final = 1_000_000
SPREAD_MS: Final = 7 * 86_400_000
"""All attempts began within such a time."""
_FAILED: Final = 0.05
_DEAD: Final = 0.01
_BODY: Final = b"the receiver says at length that it is out of order " * 10
_HEADERS: Final = {"content-type": "application/json", "user-agent": "webhooks", "server": "nginx"}


class Batch(NamedTuple):
    """What a recorder writes at once."""

    attempts: list[Attempt]
    buried: list[Buried]
    positions: dict[tuple[str, int], int]


@dataclass(slots=True)
class Filling:
    """Goes on where it stopped, in time and in offsets; the same seed gives the same attempts."""

    step_ms: float
    """From the start of an attempt to that of the next."""
    at_ms: float
    """When the next begins."""
    offset: int = 0
    retries: deque[Attempt] = field(default_factory=deque[Attempt])
    random: Random = field(default_factory=lambda: Random(11))  # noqa: S311 - figures, no secrets
    latest: Attempt | None = None

    def batches(self, count: int, *, size: int) -> Iterator[Batch]:
        """`count` attempts, at most `size` at once."""
        while count > 0:
            attempts = [self._next() for _ in range(min(size, count))]
            count -= len(attempts)
            yield Batch(attempts, _buried(attempts), {("attempts", 0): self.offset})

    def _next(self) -> Attempt:
        self.offset += 1
        self.at_ms += self.step_ms
        at_ms = int(self.at_ms)
        if self.retries and (self.retries[0].next_attempt_at_ms or 0) <= at_ms:
            return self._again(self.retries.popleft(), at_ms)
        attempt = self._first(at_ms)
        draw = self.random.random()
        if draw < _DEAD:
            return _failed(attempt, 404, Decision.DEAD)
        if draw < _DEAD + _FAILED:
            attempt = _failed(attempt, 503, Decision.RETRY)
            self.retries.append(attempt)
        else:
            self.latest = attempt
        return attempt

    def _first(self, at_ms: int) -> Attempt:
        draw = self.random.random
        endpoint = int(ENDPOINTS * draw() ** 2)  # some have much more than others
        endpoint_id = f"ep_01JD{endpoint:022}"
        event_id = new_id("evt", now_ms=at_ms, entropy=self.random.randbytes(10))
        webhook = webhook_id(event_id, endpoint=endpoint_id)
        return Attempt(
            delivery_id=delivery_id(webhook, cause="event", cause_id=None),
            webhook_id=webhook,
            event_id=event_id,
            event_type=f"kind_{int(TYPES * draw() ** 2)}.changed",
            subject=f"person/{int(SUBJECTS * draw())}",
            account=account_of(endpoint),
            endpoint=endpoint_id,
            cause="event",
            cause_id=None,
            occurred_at_us=at_ms * 1000,
            attempt=1,
            started_at_ms=at_ms,
            duration_ms=5 + 200 * draw() ** 4,
            outcome=Outcome.ACCEPTED,
            status=200,
            decision=Decision.DELIVERED,
            next_attempt_at_ms=None,
            record=Position("webhooks.shared-delivery", endpoint % 8, self.offset),
            phases={"first_byte": 4.5, "total": 5.0},
            address="192.0.2.1",
        )

    def _again(self, failed: Attempt, at_ms: int) -> Attempt:
        """A second attempt, which succeeds."""
        return failed._replace(
            attempt=2,
            started_at_ms=at_ms,
            outcome=Outcome.ACCEPTED,
            status=200,
            decision=Decision.DELIVERED,
            next_attempt_at_ms=None,
            request_headers=None,
            response_headers=None,
            response_body=None,
            error=None,
        )


def account_of(endpoint: int) -> str:
    return f"account_{endpoint // ENDPOINTS_OF_AN_ACCOUNT}"


def _failed(attempt: Attempt, status: int, decision: Decision) -> Attempt:
    is_dead = decision is Decision.DEAD
    return attempt._replace(
        outcome=Outcome.REFUSED,
        status=status,
        decision=decision,
        next_attempt_at_ms=None if is_dead else attempt.started_at_ms + 300_000,
        request_headers=_HEADERS,
        response_headers=_HEADERS,
        response_body=_BODY,
        error=f"the endpoint answered {status}",
        reason=Reason.FINAL if is_dead else None,
    )


def _buried(attempts: list[Attempt]) -> list[Buried]:
    return [
        Buried(
            DeadLetter(
                id=attempt.delivery_id,
                reason=Reason.FINAL,
                dead_at_ms=attempt.started_at_ms,
                source=attempt.record,
                account=attempt.account,
                endpoint=attempt.endpoint,
                event_type=attempt.event_type,
                attempts=1,
                outcome=attempt.outcome,
                status=attempt.status,
                error=attempt.error,
                delivery=b"",
            ),
            Position("webhooks.dead-letter", 0, attempt.record.offset),
        )
        for attempt in attempts
        if attempt.decision is Decision.DEAD
    ]
