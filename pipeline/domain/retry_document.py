"""Retry policies as they are written: `{delays}` or `{first, factor, cap, attempts}`."""

from __future__ import annotations

from typing import Final

from pipeline.domain.document import DocumentError, Fields, duration_of
from pipeline.domain.endpoint import RetryPolicy
from pipeline.domain.retry_schedule import InvalidRetryPolicy, exponential, listed

_LISTED: Final = ("delays",)
_EXPONENTIAL: Final = ("first", "factor", "cap", "attempts")
_DEFAULT_FACTOR: Final = 2.0


def read_retry(value: object, pointer: str) -> RetryPolicy:
    """A policy of a document; `jitter` is 0 unless it is given, `factor` 2.

    Raises:
        DocumentError: a field is unknown, missing or out of its range, or the forms are mixed.
    """
    fields = Fields(value, pointer, known=(*_LISTED, *_EXPONENTIAL, "jitter"))
    mixed = [name for name in _EXPONENTIAL if name in fields and "delays" in fields]
    if mixed:
        raise DocumentError(
            fields.at(mixed[0]), "give delays, or first, factor, cap and attempts, not both"
        )
    jitter = fields.number("jitter", 0.0)
    try:
        if "delays" in fields:
            delays_ms = [duration_of(item, at) for item, at in fields.items("delays")]
            return listed(delays_ms, jitter=jitter)
        return exponential(
            first_ms=duration_of(fields.value("first"), fields.at("first")),
            factor=fields.number("factor", _DEFAULT_FACTOR),
            cap_ms=duration_of(fields.value("cap"), fields.at("cap")),
            attempts=fields.whole("attempts"),
            jitter=jitter,
        )
    except InvalidRetryPolicy as exc:
        raise DocumentError(pointer, str(exc).removeprefix("retry.")) from exc
