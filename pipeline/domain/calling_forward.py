"""The copy of a waiting delivery that is written to its endpoint's owner before its time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.domain.delivery import Delivery


def called_forward(tried: Delivery, *, attempts: int, created_at_ms: int) -> Delivery:
    """What follows the `attempts`-th attempt of what was tried, due at once.

    It has the number that the waiting copy has, so that whoever has made that attempt knows both.
    """
    return tried._replace(
        attempt=attempts + 1,
        first_attempt_at_ms=tried.first_attempt_at_ms or created_at_ms,
        due_at_ms=None,
        parked=0,
    )
