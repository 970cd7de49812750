"""The console as an ASGI application in front of the API's."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final, NamedTuple

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from pipeline.api.console.answer_headers import AnswerHeaders
from pipeline.api.console.api_calls import ApiCalls
from pipeline.api.console.forms import Form, check_same_site, read_form
from pipeline.api.console.live import LIVE, LivePages
from pipeline.api.console.rendering import Rendering
from pipeline.api.console.signing_in import SIGN_IN, Door
from pipeline.api.console.static_files import StaticFiles
from pipeline.api.console.visit import Page, Visit
from pipeline.api.console.visitor import OPERATORS_ROOT, PORTAL_ROOT, Visitor, is_csrf_good
from pipeline.api.console_links import LINK_PATH
from pipeline.api.problem_answers import answer_of
from pipeline.api.problems import Problem, forbidden, not_found, of_status, unavailable
from pipeline.ports import StoreFailed

log = logging.getLogger(__name__)

_API: Final = ("/v1", "/healthz", "/readyz", "/metrics", "/openapi.json")
_READING: Final = frozenset(("GET", "HEAD"))
_CSRF_HEADER: Final = "x-csrf-token"

Answering = Callable[[Request], Awaitable[Response]]


class PageRoute(NamedTuple):
    """A page, or what a form of it does."""

    method: str
    path: str
    page: Page
    operators_only: bool = False
    live_seconds: float | None = None
    """How often its live part is worked out while somebody looks; None: there is none."""


@dataclass(frozen=True, slots=True)
class Console:
    """What the console is made of."""

    door: Door
    rendering: Rendering
    files: StaticFiles
    pages: Sequence[PageRoute]
    live: LivePages
    now_ms: Callable[[], int]
    frame_ancestors: Sequence[str] = ()


def with_console(api: ASGIApp, console: Console) -> ASGIApp:
    """The API at its own paths, pages at all others."""
    pages = AnswerHeaders(_Pages(api, console).app, console.frame_ancestors)

    async def front(scope: Scope, receive: Receive, send: Send) -> None:
        is_page = scope["type"] == "http" and not scope["path"].startswith(_API)
        await (pages if is_page else api)(scope, receive, send)

    return front


class _Pages:
    def __init__(self, api: ASGIApp, console: Console) -> None:
        self._api = api
        self._console = console
        door = console.door
        routes = [
            Route(SIGN_IN, self._open(door.ask), methods=["GET"]),
            Route(SIGN_IN, self._open(door.sign_in), methods=["POST"]),
            Route("/sign-out", self._sign_out, methods=["POST"]),
            Route(f"{LINK_PATH}{{link}}", self._open(door.enter), methods=["GET"]),
            Route("/static/{name}", self._open(console.files.answer), methods=["GET"]),
        ]
        for route in console.pages:
            roots = [OPERATORS_ROOT] if route.operators_only else [OPERATORS_ROOT, PORTAL_ROOT]
            routes += [
                Route(f"{root}{route.path}", self._closed(route.page), methods=[route.method])
                for root in roots
            ]
            if route.live_seconds is not None:
                stream = self._stream(route.page, every_seconds=route.live_seconds)
                routes += [
                    Route(f"{root}{LIVE}{route.path}", stream, methods=["GET"]) for root in roots
                ]
        self.app = Starlette(routes=routes, exception_handlers=self._failures())
        self.app.router.redirect_slashes = False

    def _open(self, answering: Answering) -> Answering:
        """For everybody."""

        async def answered(request: Request) -> Response:
            return await answering(request)

        return answered

    async def _sign_out(self, request: Request) -> Response:
        visitor = await self._console.door.visitor(request)
        if visitor is not None:
            _check_change(request, visitor, await read_form(request))
        return await self._console.door.sign_out(request)

    def _closed(self, page: Page) -> Answering:
        """For whom we know."""

        async def answered(request: Request) -> Response:
            visitor = await self._console.door.visitor(request)
            if visitor is None:
                return self._console.door.turned_away(request)
            form = Form([])
            if request.method not in _READING:
                check_same_site(request)
                form = await read_form(request)
                _check_change(request, visitor, form)
            visit = self._visit(request, visitor, form)
            try:
                return await page(visit)
            except Problem as problem:
                return visit.page("problem.html", problem.status, problem=problem)
            except StoreFailed as exc:
                log.warning("%s %s: %s", request.method, request.url.path, exc)
                problem = unavailable("The store cannot be reached now. Try again in a moment.")
                return visit.page("problem.html", problem.status, problem=problem)

        return answered

    def _stream(self, page: Page, *, every_seconds: float) -> Answering:
        """For whom we know, for as long as we do."""

        async def fragment(request: Request, visitor: Visitor) -> Response:
            visit = self._visit(request, visitor, Form([]))
            return await page(replace(visit, is_fragment=True))

        async def answered(request: Request) -> Response:
            live = self._console.live
            return await live.stream(request, fragment, every_seconds=every_seconds)

        return answered

    def _visit(self, request: Request, visitor: Visitor, form: Form) -> Visit:
        return Visit(
            request=request,
            visitor=visitor,
            api=ApiCalls(
                self._api,
                visitor.caller,
                scheme=request.url.scheme,
                host=request.headers.get("host", "console"),
            ),
            rendering=self._console.rendering,
            form=form,
            now_ms=self._console.now_ms(),
            is_fragment=request.headers.get("hx-request") == "true",
        )

    def _failures(self) -> Mapping[int | type[Exception], Callable[..., Awaitable[Response]]]:
        async def of_problem(request: Request, problem: Problem) -> Response:
            return self._bare(request, problem)

        async def of_nothing(request: Request, _: Exception) -> Response:
            return await self._lost(request, not_found("There is no such page."))

        async def of_method(request: Request, _: Exception) -> Response:
            return self._bare(
                request, of_status(HTTPStatus.METHOD_NOT_ALLOWED, "This cannot be done here.")
            )

        async def of_store(request: Request, _: StoreFailed) -> Response:
            return self._bare(request, unavailable("The store cannot be reached now."))

        async def of_anything(request: Request, _: Exception) -> Response:
            fault = of_status(HTTPStatus.INTERNAL_SERVER_ERROR, "The fault is logged.")
            return self._bare(request, fault)

        return {
            Problem: of_problem,
            StoreFailed: of_store,
            404: of_nothing,
            405: of_method,
            Exception: of_anything,
        }

    async def _lost(self, request: Request, problem: Problem) -> Response:
        """With the navigation, for whoever has signed in and took a wrong turn."""
        try:
            visitor = await self._console.door.visitor(request)
        except (Problem, StoreFailed):
            visitor = None
        if visitor is None or _wants_no_page(request):
            return self._bare(request, problem)
        visit = self._visit(request, visitor, Form([]))
        return visit.page("problem.html", problem.status, problem=problem)

    def _bare(self, request: Request, problem: Problem) -> Response:
        """For nobody we know: without navigation. For programs as the API would answer."""
        if _wants_no_page(request):
            return answer_of(problem)
        root = PORTAL_ROOT if request.url.path.startswith(f"{PORTAL_ROOT}/") else OPERATORS_ROOT
        values = {"visitor": None, "root": root, "problem": problem}
        return self._console.rendering.answer("problem.html", values, status=problem.status)


def _wants_no_page(request: Request) -> bool:
    return "text/html" not in request.headers.get("accept", "")


def _check_change(request: Request, visitor: Visitor, form: Form) -> None:
    """Raises Problem (403)."""
    check_same_site(request)
    if not is_csrf_good(visitor, form.text("csrf") or request.headers.get(_CSRF_HEADER)):
        raise forbidden("The page is too old: open it again, and repeat.")
