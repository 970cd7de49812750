"""Which deliveries and dead letters a list is asked for, out of its query."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends, Query

from pipeline.api.caller import FromCaller
from pipeline.api.times import read_time_ms
from pipeline.delivery_log import DeadLetterFilter, DeliveryFilter, Status
from pipeline.domain.delivery import Cause, Reason

_MAX_CHARS: Final = 1024
_HTTP_STATUS: Final = "^([1-5][0-9][0-9]|[1-5]xx)$"
_CLASS: Final = 100

_Text = Annotated[str | None, Query(max_length=_MAX_CHARS)]
_Since = Annotated[str | None, Query(description="From this time on (RFC 3339).")]
_Until = Annotated[str | None, Query(description="Before this time (RFC 3339).")]
_HttpStatus = Annotated[
    str | None,
    Query(pattern=_HTTP_STATUS, description="A code, or a class.", examples=["503", "5xx"]),
]


async def delivery_filter_of(  # noqa: PLR0913, PLR0917 - a parameter of the query each
    caller: FromCaller,
    account: _Text = None,
    endpoint: _Text = None,
    event_id: _Text = None,
    type: _Text = None,  # noqa: A002 - the parameter's name
    subject: _Text = None,
    cause: Cause | None = None,
    status: Status | None = None,
    http_status: _HttpStatus = None,
    since: _Since = None,
    until: _Until = None,
) -> DeliveryFilter:
    """An account's key asks for its own alone. Raises Problem: 404, 422."""
    return DeliveryFilter(
        account=_account(caller, account),
        endpoint=endpoint,
        event_id=event_id,
        event_type=type,
        subject=subject,
        cause=cause,
        status=status,
        http_status=_http_statuses(http_status),
        since_ms=read_time_ms(since, pointer="#query/since"),
        until_ms=read_time_ms(until, pointer="#query/until"),
    )


async def dead_letter_filter_of(  # noqa: PLR0913, PLR0917 - a parameter of the query each
    caller: FromCaller,
    account: _Text = None,
    endpoint: _Text = None,
    reason: Reason | None = None,
    type: _Text = None,  # noqa: A002 - the parameter's name
    since: _Since = None,
    until: _Until = None,
) -> DeadLetterFilter:
    """An account's key asks for its own alone. Raises Problem: 404, 422."""
    return DeadLetterFilter(
        account=_account(caller, account),
        endpoint=endpoint,
        reason=reason,
        event_type=type,
        since_ms=read_time_ms(since, pointer="#query/since"),
        until_ms=read_time_ms(until, pointer="#query/until"),
    )


FromDeliveryFilter = Annotated[DeliveryFilter, Depends(delivery_filter_of)]
"""As a handler's parameter: `wanted: FromDeliveryFilter`."""
FromDeadLetterFilter = Annotated[DeadLetterFilter, Depends(dead_letter_filter_of)]
"""As a handler's parameter: `wanted: FromDeadLetterFilter`."""


def _account(caller: FromCaller, asked: str | None) -> str | None:
    if asked is not None:
        caller.check_sees(asked)
    return caller.account or asked


def _http_statuses(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    if text.isdigit():
        return int(text), int(text)
    first = int(text[0]) * _CLASS
    return first, first + _CLASS - 1
