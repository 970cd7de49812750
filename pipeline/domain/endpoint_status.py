"""How an endpoint's status changes: activated, deactivated, waiting for consent, consented."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from fractions import Fraction
from typing import Final

from pipeline.domain.consent import Consented
from pipeline.domain.endpoint import Endpoint, EndpointStatus, RateLimit
from pipeline.domain.limits_document import MAX_RATE_REQUESTS
from pipeline.domain.profile import Profile

DEACTIVATED: Final = "deactivated by the operator"
DEACTIVATED_BY_OWNER: Final = "deactivated by its owner"
UNCONSENTED: Final = "the receiver has not consented yet"

_MINUTE_MS: Final = 60_000


class Waiting(StrEnum):
    """What becomes of the deliveries that an inactive endpoint did not get."""

    SEND = "send"
    DROP = "drop"


def needs_consent(endpoint: Endpoint, profile: Profile) -> bool:
    """Whether its receiver must consent before anything is sent; a mailbox is not asked."""
    return profile.abuse_protection and endpoint.email is None


def must_consent_again(wanted: Endpoint, present: Endpoint, profile: Profile) -> bool:
    """Whether a change asks more of the receiver than it consented to.

    `profile` is that of the wanted endpoint. Another place, or more requests in the same time.
    """
    if not needs_consent(wanted, profile):
        return False
    place = (wanted.profile, wanted.url, wanted.email)
    if place != (present.profile, present.url, present.email):
        return True
    return _is_more(wanted.rate_limit, present.rate_limit)


def activated(present: Endpoint, profile: Profile, *, waiting: Waiting, now_ms: int) -> Endpoint:
    """The endpoint as one that receives, or that waits for its receiver's consent.

    One that receives already is not changed. With `Waiting.DROP` what waits for it is not sent.
    """
    if present.status is EndpointStatus.ACTIVE:
        return present
    status, reason = EndpointStatus.ACTIVE, None
    if needs_consent(present, profile):
        status, reason = EndpointStatus.PENDING, UNCONSENTED
    endpoint = with_status(present, status, reason, now_ms=now_ms)
    return endpoint if waiting is Waiting.SEND else replace(endpoint, drop_before_ms=now_ms)


def deactivated(present: Endpoint, reason: str, *, now_ms: int) -> Endpoint:
    """The endpoint as one that receives nothing; what it should get waits for it."""
    return with_status(present, EndpointStatus.INACTIVE, reason, now_ms=now_ms)


def consented(present: Endpoint, consent: Consented, *, now_ms: int) -> Endpoint:
    """A pending endpoint whose receiver consented: active, and no faster than it allows."""
    endpoint = with_status(present, EndpointStatus.ACTIVE, None, now_ms=now_ms)
    rate, wanted = consent.per_minute, per_minute(present.rate_limit)
    if rate is None or (wanted is not None and wanted <= rate):
        return endpoint
    return replace(endpoint, rate_limit=RateLimit(min(rate, MAX_RATE_REQUESTS), _MINUTE_MS))


def per_minute(limit: RateLimit | None) -> int | None:
    """A rate limit as receivers are asked for it: at least 1; None where there is none."""
    if limit is None:
        return None
    return max(1, limit.requests * _MINUTE_MS // limit.per_ms)


def with_status(
    present: Endpoint, status: EndpointStatus, reason: str | None, *, now_ms: int
) -> Endpoint:
    """The endpoint with this status; since now, where it is another than before."""
    since_ms = present.status_since_ms if status is present.status else now_ms
    return replace(
        present,
        status=status,
        status_reason=reason,
        status_since_ms=since_ms,
        updated_at_ms=now_ms,
    )


def _is_more(wanted: RateLimit | None, present: RateLimit | None) -> bool:
    if present is None:
        return False
    return wanted is None or _rate(wanted) > _rate(present)


def _rate(limit: RateLimit) -> Fraction:
    return Fraction(limit.requests, limit.per_ms)
