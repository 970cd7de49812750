"""What a form sends, and whether it was sent from a page of ours."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request

from pipeline.api.problems import Problem, forbidden, of_status

MOST_BYTES: Final = 512 * 1024
_MOST_FIELDS: Final = 1_000
_OWN: Final = "same-origin"


class Form:
    """The fields of a form; each may come several times."""

    def __init__(self, fields: list[tuple[str, str]]) -> None:
        self._fields = fields

    def text(self, name: str) -> str:
        """Without blanks around it; empty where it is not there."""
        return next((value.strip() for key, value in self._fields if key == name), "")

    def exact(self, name: str) -> str:
        """With its blanks: a password."""
        return next((value for key, value in self._fields if key == name), "")

    def texts(self, name: str) -> list[str]:
        return [value for key, value in self._fields if key == name]

    def has(self, name: str) -> bool:
        return any(key == name for key, _ in self._fields)


async def read_form(request: Request) -> Form:
    """Raises Problem: 400, 413, 415."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in {"", "application/x-www-form-urlencoded"}:
        raise of_status(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send a form.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise _too_large()
    try:
        fields = parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"
        )
    except ValueError as exc:
        raise of_status(HTTPStatus.BAD_REQUEST, "The form cannot be read.") from exc
    return Form([(name, value.replace("\r\n", "\n")) for name, value in fields])


def check_same_site(request: Request) -> None:
    """Raises Problem (403): another site's page sent this, or nobody says whose."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        is_own = site == _OWN
    else:
        origin = request.headers.get("origin", "")
        is_own = bool(origin) and urlsplit(origin).netloc == request.headers.get("host")
    if not is_own:
        raise forbidden("This came from another site's page. Open the console itself, and repeat.")


def _too_large() -> Problem:
    return of_status(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"At most {MOST_BYTES} bytes are taken.")
