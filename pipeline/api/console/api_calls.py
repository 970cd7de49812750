"""The API as pages call it: the same application, with the same checks, within this process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, NamedTuple, cast
from urllib.parse import urlencode

import msgspec
from starlette.types import ASGIApp, Message

from pipeline.api.caller import CALLER_IN_SCOPE, Caller
from pipeline.api.problems import FieldError, Problem, not_found

Document = dict[str, Any]
"""An object of JSON."""
Query = Mapping[str, str | None]

_JSON: Final = b"application/json"
_SCOPE: Final[dict[str, Any]] = {
    "type": "http",
    "asgi": {"version": "3.0"},
    "http_version": "1.1",
    "root_path": "",
    "client": None,
    "server": None,
}


class Answer(NamedTuple):
    """What the API answered."""

    status: int
    headers: Mapping[bytes, bytes]
    body: bytes


@dataclass(frozen=True, slots=True)
class ApiCalls:
    """Asks for one caller. Everything raises Problem, as the API answered it."""

    app: ASGIApp
    caller: Caller
    scheme: str = "http"
    host: str = "console"
    """As the visitor's browser has them: for what the API answers a link in."""

    async def get(self, path: str, query: Query | None = None) -> Document:
        """`query`: what is None or empty is left out."""
        given = {name: value for name, value in (query or {}).items() if value}
        return _document(await self.answer("GET", path, query=urlencode(given)))

    async def post(self, path: str, body: object = None) -> Document:
        return _document(await self.answer("POST", path, body=body))

    async def patch(self, path: str, body: object) -> Document:
        return _document(await self.answer("PATCH", path, body=body))

    async def delete(self, path: str) -> None:
        await self.answer("DELETE", path)

    async def answer(
        self, method: str, path: str, *, query: str = "", body: object = None
    ) -> Answer:
        """Whatever is answered that is no problem. Raises Problem."""
        content = b"" if body is None else msgspec.json.encode(body)
        found = await self._asked(self._scope(method, path, query), content)
        if found.status >= HTTPStatus.BAD_REQUEST:
            raise _problem(found)
        return found

    def _scope(self, method: str, path: str, query: str) -> dict[str, Any]:
        return {
            **_SCOPE,
            "method": method,
            "scheme": self.scheme,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [
                (b"host", self.host.encode("latin-1", "replace")),
                (b"content-type", _JSON),
                (b"accept", b"*/*"),
            ],
            "state": {},
            CALLER_IN_SCOPE: self.caller,
        }

    async def _asked(self, scope: dict[str, Any], content: bytes) -> Answer:
        parts: list[bytes] = []
        start: Message = {}

        async def receive() -> Message:
            return {"type": "http.request", "body": content, "more_body": False}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                parts.append(message.get("body", b""))

        await self.app(scope, receive, send)
        return Answer(start["status"], dict(start.get("headers", ())), b"".join(parts))


def path_of(*parts: str) -> str:
    """`/v1/...` of ids as people gave them. Raises Problem (404) for what no id can be."""
    if not all(part and "/" not in part and part.isprintable() for part in parts):
        raise not_found("There is no such thing.")
    return "/v1/" + "/".join(parts)


def part_of(document: Mapping[str, Any], name: str) -> Document:
    """An object in it; empty where it is null, or not there."""
    return cast("Document", document.get(name) or {})


def _document(answer: Answer) -> Document:
    return msgspec.json.decode(answer.body, type=dict[str, Any]) if answer.body else {}


def _problem(answer: Answer) -> Problem:
    """The API's own problem, made again out of its answer."""
    found = _document(answer)
    errors = cast("list[dict[str, str]]", found.get("errors", []))
    return Problem(
        status=answer.status,
        title=found.get("title", ""),
        detail=found.get("detail", ""),
        type=found.get("type", ""),
        errors=[FieldError(error["pointer"], error["detail"]) for error in errors],
    )
