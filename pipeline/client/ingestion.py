"""What the API is asked to publish, and what its answers mean."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from http import HTTPStatus
from typing import Final, NamedTuple

from pipeline.adapters.remote_api import Answer, ApiProblem, ApiRequest
from pipeline.client.event import Event
from pipeline.domain.retry_after import parse_retry_after

MOST_EVENTS: Final = 1_000
"""In one request."""
MOST_BYTES: Final = 8 * 1024 * 1024

_ONE: Final = "/v1/events"
_MANY: Final = "/v1/events/batch"
_KEY_BYTES: Final = 16
_OF_EVENT: Final = re.compile(r"/events/(\d{1,4})(/.*)?", re.ASCII)
_LATER: Final = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.CONFLICT,  # the same request is still under way
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)


class Published(NamedTuple):
    """All of it is acknowledged."""


class Later(NamedTuple):
    """The same request may succeed later."""

    reason: str
    wait_ms: int | None
    """As the API asked; None: it did not say."""


class Refused(NamedTuple):
    """Some events, or all, are not taken as they are; nothing of the request was published."""

    reasons: Mapping[int, str]
    """By their place in the request. The others can be published without them."""


class TooLarge(NamedTuple):
    """Several events may be taken in smaller requests."""


Meaning = Published | Later | Refused | TooLarge


def request_for(events: Sequence[Event]) -> ApiRequest:
    """The same for the same events: the API recognises it by its `Idempotency-Key`."""
    if len(events) == 1:
        path, content = _ONE, events[0].to_json()
    else:
        path, content = _MANY, b'{"events":[%b]}' % b",".join(one.to_json() for one in events)
    key = blake2b(content, digest_size=_KEY_BYTES).hexdigest()
    return ApiRequest("POST", path, content, {"Idempotency-Key": key})


def meaning_of(answer: Answer, *, count: int, now_ms: int) -> Meaning:
    """What an answer to a request of so many events means for each of them."""
    if not answer.is_refusal:
        return Published()
    problem = answer.problem
    reason = _reason(answer.status, problem)
    if answer.status in _LATER:
        asked = answer.retry_after
        return Later(reason, None if asked is None else parse_retry_after(asked, now_ms=now_ms))
    blamed = _blamed(problem, count)
    if not blamed and count > 1 and answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return TooLarge()
    return Refused(blamed or dict.fromkeys(range(count), reason))


def _blamed(problem: ApiProblem, count: int) -> dict[int, str]:
    """Events that the problem names by their place in a batch."""
    reasons: dict[int, str] = {}
    for error in problem.errors:
        found = _OF_EVENT.fullmatch(error.pointer)
        if found is None or count == 1 or int(found[1]) >= count:
            return {}
        member = (found[2] or "").removeprefix("/")
        text = f"{member}: {error.detail}" if member else error.detail
        number = int(found[1])
        reasons[number] = f"{reasons[number]}; {text}" if number in reasons else text
    return reasons


def _reason(status: int, problem: ApiProblem) -> str:
    errors = "; ".join(f"{one.pointer.removeprefix('/')}: {one.detail}" for one in problem.errors)
    return " ".join(filter(None, (f"HTTP {status}", errors or problem.detail or problem.title)))
