"""One attempt: the request as it is now, what it gave, and what follows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pipeline.domain.delivery import Attempt, Outcome
from pipeline.domain.retry import AttemptResult, decide
from pipeline.domain.verdict import Dead, RetryAt
from pipeline.ports import Parcel
from pipeline.stages.dead_lettering import position_of
from pipeline.telemetry.instruments import ATTEMPT_SECONDS, ATTEMPTS, DELIVERY_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.domain.verdict import Verdict
    from pipeline.ports import Courier, Sent
    from pipeline.stages.sender.lane import Item
    from pipeline.stages.sender.recipient import Recipient
    from pipeline.telemetry.spans import Spans
    from pipeline.telemetry.tally import Tally


class Tried(NamedTuple):
    """An attempt that was made."""

    recipient: Recipient
    """The endpoint as it was when the attempt began."""
    sent: Sent
    verdict: Verdict
    started_at_ms: int
    ended_at_ms: int
    parcel: Parcel

    @property
    def is_accepted(self) -> bool:
        return self.sent.outcome == Outcome.ACCEPTED


class Attempting:
    """Makes attempts; knows nothing of lanes and offsets."""

    def __init__(
        self,
        courier: Courier,
        *,
        now_ms: Callable[[], int],
        jitter: Callable[[], float],
        tally: Tally,
        spans: Spans,
    ) -> None:
        self._courier = courier
        self._now_ms = now_ms
        self._jitter = jitter
        self._tally = tally
        self._spans = spans

    async def attempt(self, recipient: Recipient, item: Item) -> Tried:
        """Try a delivery once."""
        delivery = item.delivery
        started_at_ms = self._now_ms()
        parcel = Parcel(
            recipient.endpoint.url or "",
            recipient.headers(delivery, now_ms=started_at_ms),
            delivery.body,
            recipient.timeout_ms,
            recipient.client_certificate,
        )
        span = self._spans.start(
            "send",
            item.record.headers,
            attributes={"delivery.id": delivery.delivery_id, "delivery.attempt": delivery.attempt},
        )
        sent = await self._courier.send(parcel)
        if span is not None:
            span.end()
        if sent.status is not None:
            sent = sent._replace(outcome=recipient.rules.acknowledgement.outcome(sent.status))
        ended_at_ms = self._now_ms()
        verdict = decide(
            recipient.rules,
            AttemptResult(delivery.attempt, sent.outcome, sent.status, _retry_after(sent)),
            now_ms=ended_at_ms,
            jitter=self._jitter(),
        )
        self._count(delivery.occurred_at_us, sent, started_at_ms, ended_at_ms)
        return Tried(recipient, sent, verdict, started_at_ms, ended_at_ms, parcel)

    def _count(self, occurred_at_us: int, sent: Sent, started_at_ms: int, ended_at_ms: int) -> None:
        tally = self._tally
        tally.add(ATTEMPTS, sent.outcome)
        tally.add(ATTEMPT_SECONDS, amount=(ended_at_ms - started_at_ms) / 1000)
        if sent.outcome == Outcome.ACCEPTED:
            tally.add(DELIVERY_SECONDS, amount=max(ended_at_ms - occurred_at_us // 1000, 0) / 1000)


def _retry_after(sent: Sent) -> str | None:
    if sent.outcome == Outcome.ACCEPTED:
        return None
    return next((value for name, value in sent.headers if name.lower() == "retry-after"), None)


def attempt_entry(item: Item, tried: Tried) -> Attempt:
    """The attempt as the log keeps it: headers and body only where it failed, secrets masked."""
    delivery, sent, verdict = item.delivery, tried.sent, tried.verdict
    phases = sent.phases
    entry = Attempt(
        delivery_id=delivery.delivery_id,
        webhook_id=delivery.webhook_id,
        event_id=delivery.event_id,
        event_type=delivery.event_type,
        subject=delivery.subject,
        account=delivery.account,
        endpoint=delivery.endpoint,
        cause=delivery.cause,
        cause_id=delivery.cause_id,
        occurred_at_us=delivery.occurred_at_us,
        attempt=delivery.attempt,
        started_at_ms=tried.started_at_ms,
        duration_ms=phases["total"] if phases else float(tried.ended_at_ms - tried.started_at_ms),
        outcome=sent.outcome,
        status=sent.status,
        decision=verdict.decision,
        next_attempt_at_ms=verdict.due_at_ms if isinstance(verdict, RetryAt) else None,
        record=position_of(item.record),
    )
    if tried.is_accepted:
        return entry
    return entry._replace(
        phases=phases,
        request_headers=tried.recipient.masked(tried.parcel),
        response_headers=dict(sent.headers) if sent.status is not None else None,
        response_body=sent.body if sent.status is not None else None,
        error=sent.error,
        address=sent.address,
        reason=verdict.reason if isinstance(verdict, Dead) else None,
    )
