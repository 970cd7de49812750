"""One attempt: the request as it is now, what it gave, and what follows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pipeline.domain.delivery import Attempt, Outcome
from pipeline.domain.retry import AttemptResult, decide
from pipeline.domain.verdict import DELIVERED, Dead, RetryAt
from pipeline.stages.dead_lettering import position_of
from pipeline.stages.sender.tracing import trace_of
from pipeline.telemetry.instruments import ATTEMPT_SECONDS, ATTEMPTS, DELIVERY_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.domain.verdict import Verdict
    from pipeline.ports import Sent
    from pipeline.stages.sender.lane import Item
    from pipeline.stages.sender.posting import Headers
    from pipeline.stages.sender.recipient import Recipient
    from pipeline.stages.sender.tracing import AttemptTrace
    from pipeline.stages.sender.under_way import UnderWay
    from pipeline.telemetry.spans import Spans
    from pipeline.telemetry.tally import Tally

_ACCEPTED = Outcome.ACCEPTED


class Tried(NamedTuple):
    """An attempt that was made."""

    recipient: Recipient
    """The endpoint as it was when the attempt began."""
    sent: Sent
    verdict: Verdict
    started_at_ms: int
    ended_at_ms: int
    headers: Headers
    """Those of this attempt alone."""
    trace: AttemptTrace | None = None
    """None where nobody traces the delivery."""

    @property
    def is_accepted(self) -> bool:
        return self.sent.outcome is _ACCEPTED


class Attempting:
    """Makes attempts; knows nothing of offsets, and of lanes only whose attempt it is."""

    def __init__(self, *, jitter: Callable[[], float], tally: Tally, spans: Spans) -> None:
        self._jitter = jitter
        self._spans = spans
        self._attempts = {outcome: tally.count(ATTEMPTS, outcome) for outcome in Outcome}
        self._attempt_seconds = tally.count(ATTEMPT_SECONDS)
        self._delivery_seconds = tally.count(DELIVERY_SECONDS)

    def begin(self, under_way: UnderWay, on_end: Callable[[], None], *, now_ms: int) -> None:
        """Try a delivery once; ask for the `end` of it after `on_end` was called."""
        delivery = under_way.item.delivery
        way = under_way.recipient.way
        under_way.started_at_ms = now_ms
        under_way.headers = headers = way.headers(delivery, now_ms=now_ms)
        trace = trace_of(self._spans, under_way.item, under_way.recipient)
        if trace is not None:
            under_way.trace = trace
            under_way.headers = headers = (*headers, *trace.request_headers)
        under_way.posting = way.post(headers, delivery, on_end)

    def end(self, under_way: UnderWay, *, now_ms: int) -> Tried:
        """What it gave, and what follows from that."""
        sent = under_way.result()
        delivery = under_way.item.delivery
        started_at_ms, recipient = under_way.started_at_ms, under_way.recipient
        self._attempts[sent.outcome].total += 1
        self._attempt_seconds.total += (now_ms - started_at_ms) / 1000
        if sent.outcome is _ACCEPTED:
            verdict: Verdict = DELIVERED
            self._delivery_seconds.total += max(now_ms - delivery.occurred_at_us // 1000, 0) / 1000
        else:
            verdict = decide(
                recipient.rules,
                AttemptResult(delivery.attempt, sent.outcome, sent.status, _retry_after(sent)),
                now_ms=now_ms,
                jitter=self._jitter(),
            )
        trace = under_way.trace
        if trace is not None:
            trace.end(sent, verdict)
        return Tried(recipient, sent, verdict, started_at_ms, now_ms, under_way.headers, trace)


def _retry_after(sent: Sent) -> str | None:
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
    was_answered, redaction = sent.status is not None, tried.recipient.redaction
    return entry._replace(
        phases=phases,
        request_headers=tried.recipient.way.logged(tried.headers),
        response_headers={name: redaction.of_text(value) for name, value in sent.headers}
        if was_answered
        else None,
        response_body=redaction.of_bytes(sent.body) if was_answered else None,
        error=None if sent.error is None else redaction.of_text(sent.error),
        address=sent.address,
        reason=verdict.reason if isinstance(verdict, Dead) else None,
    )
