"""What every request passes before its handler is asked, and every answer on its way back."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.api.authentication import Authentication
from pipeline.api.caller import CALLER_IN_SCOPE
from pipeline.api.problem_answers import answer_of
from pipeline.api.problems import Problem, of_status, unavailable
from pipeline.api.request_body import BodyReader, Room, check_json
from pipeline.api.request_head import Head, check_accept, head_of
from pipeline.api.route_table import (
    VERSIONED,
    RouteTable,
    allowed,
    check_query,
    operation_of,
)
from pipeline.telemetry.instruments import API_REQUEST_SECONDS, API_REQUESTS
from pipeline.telemetry.tally import Tally

MOST_REQUESTS: Final = 1_000
"""Under way at once, in one process."""
_NO_ROUTE: Final = "none"
_METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_HEADERS: Final = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)

Direct = Mapping[tuple[str, str], ASGIApp]
"""Operations, by method and path, that are answered without the framework: its work costs more than
theirs. They come after all checks, as others do."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What requests are checked with."""

    authentication: Authentication
    routes: RouteTable
    tally: Tally
    keyless: tuple[str, ...]
    """Beginnings of versioned paths that need no key: who knows one was told it."""


class Entry:
    """An ASGI application in front of the framework's."""

    def __init__(self, app: ASGIApp, desk: Desk, *, direct: Direct) -> None:
        self._app = app
        self._desk = desk
        self._direct = direct
        self._room = Room()
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        passage = _Passage(scope, send)
        self._under_way += 1
        try:
            await self._handle(passage, receive)
        finally:
            self._under_way -= 1
            passage.count(self._desk.tally)

    async def _handle(self, passage: _Passage, receive: Receive) -> None:
        scope = passage.scope
        try:
            head = head_of(scope["headers"])
            handler = await self._admitted(passage, head)
        except Problem as problem:
            await answer_of(problem, passage.allowed)(scope, receive, passage.send)
            return
        body = BodyReader(
            receive,
            head,
            method=scope["method"],
            room=self._room,
            check=check_json if handler is self._app else _leave_unchecked,
        )
        try:
            await handler(scope, body, passage.send)
        finally:
            body.close()

    async def _admitted(self, passage: _Passage, head: Head) -> ASGIApp:
        """What answers the request. Raises Problem: 401, 404, 405, 406, 422, 429, 503."""
        scope = passage.scope
        path: str = scope["path"]
        if path.startswith(VERSIONED):
            if self._under_way > MOST_REQUESTS:
                raise unavailable("Too many requests are under way.")
            if not path.startswith(self._desk.keyless):
                await self._let_in(scope, head)
        if "\0" in path:
            raise of_status(HTTPStatus.NOT_FOUND, "There is no such resource.")
        operations = self._desk.routes.operations(path)
        if operations is not None:
            passage.allow(allowed(operations))
        operation = operation_of(operations, scope["method"])
        passage.route = operation.path
        check_query(scope["query_string"], operation)
        if path.startswith(VERSIONED):
            check_accept(head)
        return self._direct.get((scope["method"], path), self._app)

    async def _let_in(self, scope: Scope, head: Head) -> None:
        if CALLER_IN_SCOPE in scope:
            return  # asked from within this process, for somebody who has signed in there
        authorization, client = head.authorization, scope.get("client")
        scope[CALLER_IN_SCOPE] = await self._desk.authentication.caller(
            None if authorization is None else authorization.decode("latin-1"),
            address=client[0] if client else "",
        )


def _leave_unchecked(_: bytes) -> None:
    """Who answers directly finds out itself what is no JSON: looking twice costs too much."""


class _Passage:
    """One request on its way, and what is counted of it."""

    __slots__ = ("_begun", "_method", "_send", "_status", "allowed", "route", "scope")

    def __init__(self, scope: Scope, send: Send) -> None:
        self._begun = time.perf_counter()
        self._method: str = scope["method"]
        # The server leaves the body of an answer to HEAD out.
        self.scope: Scope = {**scope, "method": "GET"} if self._method == "HEAD" else scope
        self._send = send
        self._status = 0
        self.route = _NO_ROUTE
        self.allowed: dict[str, str] = {}

    def allow(self, methods: list[str]) -> None:
        """What an answer 405 has to say."""
        if self.scope["method"] not in methods:
            self.allowed = {"Allow": ", ".join(methods)}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            message["headers"] = [*message.get("headers", ()), *_HEADERS]
        await self._send(message)

    def count(self, tally: Tally) -> None:
        """Where nothing was answered, the client has gone."""
        method = self._method if self._method in _METHODS else "other"
        status = self._status or HTTPStatus.REQUEST_TIMEOUT
        tally.add(API_REQUESTS, (method, self.route, f"{status // 100}xx"))
        seconds = time.perf_counter() - self._begun
        tally.add(API_REQUEST_SECONDS, (method, self.route), amount=seconds)
