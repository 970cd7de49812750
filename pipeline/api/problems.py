"""What goes wrong, as RFC 9457 says it: `application/problem+json`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from pipeline.domain.account_document import DocumentErrors
from pipeline.domain.document import DocumentError

MEDIA_TYPE: Final = "application/problem+json"
NO_TYPE: Final = "about:blank"
"""The status says all there is to say (RFC 9457, section 4.2.1)."""
QUOTA: Final = "quota"
"""The type of a refusal that another plan or a removal would lift."""
_SOON_SECONDS: Final = 1


@dataclass(frozen=True, slots=True)
class FieldError:
    """One bad field of a request."""

    pointer: str
    """Into the body (RFC 6901); for a parameter its name after `#`, as in `#query/limit`."""
    detail: str


class Problem(Exception):
    """Ends a request with this answer. Its texts are shown to the caller: no secrets, no internals.

    `retry_after_seconds` becomes the header `Retry-After`.
    """

    def __init__(  # noqa: PLR0913 - the members of RFC 9457, all named
        self,
        *,
        status: int,
        title: str,
        detail: str = "",
        type: str = NO_TYPE,  # noqa: A002 - the member's name
        errors: Sequence[FieldError] = (),
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(detail or title)
        self.status = status
        self.title = title
        self.detail = detail
        self.type = type
        self.errors = tuple(errors)
        self.retry_after_seconds = retry_after_seconds


def not_found(detail: str) -> Problem:
    """404: there is no such thing, or it is another account's."""
    return of_status(HTTPStatus.NOT_FOUND, detail)


def forbidden(detail: str) -> Problem:
    """403: the key may not do this."""
    return of_status(HTTPStatus.FORBIDDEN, detail)


def quota(detail: str) -> Problem:
    """403 of the type `quota`: name the limit."""
    return Problem(status=HTTPStatus.FORBIDDEN, title="Quota exceeded", detail=detail, type=QUOTA)


def conflict(detail: str) -> Problem:
    """409: the id is taken, or what is asked for does not fit what there is."""
    return of_status(HTTPStatus.CONFLICT, detail)


def invalid(errors: Iterable[FieldError]) -> Problem:
    """422: fields are missing, unknown or wrong."""
    return Problem(
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        title="Invalid request",
        detail="Mend the fields that errors names.",
        errors=tuple(errors),
    )


def of_document(exc: DocumentError | DocumentErrors) -> Problem:
    """422 of what a reader of the domain refused."""
    found = exc.errors if isinstance(exc, DocumentErrors) else (exc,)
    return invalid(FieldError(error.pointer, error.text) for error in found)


def unavailable(detail: str) -> Problem:
    """503: the same request may succeed soon."""
    return Problem(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        title=HTTPStatus.SERVICE_UNAVAILABLE.phrase,
        detail=detail,
        retry_after_seconds=_SOON_SECONDS,
    )


def of_status(status: HTTPStatus, detail: str = "") -> Problem:
    """Titled by the status's own phrase."""
    return Problem(status=status, title=status.phrase, detail=detail)
