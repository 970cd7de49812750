"""Signing in and out, and coming by a link."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pipeline.api.console.forms import check_same_site, read_form
from pipeline.api.console.rendering import Rendering
from pipeline.api.console.sessions import Sessions
from pipeline.api.console.visitor import OPERATORS_ROOT, PORTAL_ROOT, Visitor, csrf_of
from pipeline.api.console_links import ConsoleLinks
from pipeline.api.problems import Problem

SIGN_IN: Final = "/sign-in"
_OPERATORS_COOKIE: Final = "pipeline_session"
_PORTAL_COOKIE: Final = "pipeline_portal"
_NOBODY: Final[dict[str, Any]] = {"visitor": None, "root": OPERATORS_ROOT}


@dataclass(frozen=True, slots=True)
class Door:
    """Who comes in."""

    sessions: Sessions
    links: ConsoleLinks
    rendering: Rendering

    async def visitor(self, request: Request) -> Visitor | None:
        """Raises Problem (503)."""
        if not _is_portal(request.url.path):
            return await self.sessions.visitor(request.cookies.get(_OPERATORS_COOKIE))
        text = request.cookies.get(_PORTAL_COOKIE)
        link = None if text is None else self.links.link_in(text)
        if link is None or text is None:
            return None
        return Visitor(link.account, link.caller, csrf_of(text), PORTAL_ROOT)

    def turned_away(self, request: Request) -> Response:
        """Nobody we know."""
        if _is_portal(request.url.path):
            return self._page("portal_over.html", HTTPStatus.UNAUTHORIZED, root=PORTAL_ROOT)
        if request.headers.get("sec-fetch-site") == "cross-site" and request.method == "GET":
            # The cookie was held back because another site's page led here: from our own it comes.
            return self._page("coming_in.html", target=_target(request))
        if request.headers.get("hx-request") == "true":
            return Response(status_code=HTTPStatus.OK, headers={"HX-Redirect": SIGN_IN})
        query = urlencode({"next": _target(request)})
        return RedirectResponse(f"{SIGN_IN}?{query}", HTTPStatus.SEE_OTHER)

    async def ask(self, request: Request) -> Response:
        """The form."""
        return self._page("sign_in.html", next=_safe(request.query_params.get("next", "")))

    async def sign_in(self, request: Request) -> Response:
        """By a key, or by name and password."""
        check_same_site(request)
        form = await read_form(request)
        address = request.client.host if request.client else ""
        target = _safe(form.text("next"))
        try:
            if form.text("key"):
                token = await self.sessions.begin_with_key(form.text("key"), address=address)
            else:
                token = await self.sessions.begin_with_password(
                    form.text("name"), form.exact("password"), address=address
                )
        except Problem as problem:
            answer = self._page("sign_in.html", problem.status, next=target, problem=problem)
            if problem.retry_after_seconds is not None:
                answer.headers["Retry-After"] = str(problem.retry_after_seconds)
            return answer
        answer = RedirectResponse(target, HTTPStatus.SEE_OTHER)
        answer.headers["Set-Cookie"] = _cookie(_OPERATORS_COOKIE, token, request)
        return answer

    async def sign_out(self, request: Request) -> Response:
        """The session is over everywhere."""
        token = request.cookies.get(_OPERATORS_COOKIE)
        if token is not None:
            await self.sessions.end(token)
        answer = RedirectResponse(SIGN_IN, HTTPStatus.SEE_OTHER)
        answer.headers["Set-Cookie"] = _cookie(_OPERATORS_COOKIE, "", request) + "; Max-Age=0"
        return answer

    async def enter(self, request: Request) -> Response:
        """A link that was opened: from here on its cookie says the same."""
        text = request.path_params["link"]
        if self.links.link_in(text) is None:
            return self._page("portal_over.html", HTTPStatus.UNAUTHORIZED, root=PORTAL_ROOT)
        answer = RedirectResponse(f"{PORTAL_ROOT}/", HTTPStatus.SEE_OTHER)
        answer.headers["Set-Cookie"] = _portal_cookie(text, request)
        return answer

    def _page(
        self,
        template: str,
        status: int = HTTPStatus.OK,
        /,
        **values: Any,  # noqa: ANN401 - a template's
    ) -> Response:
        return self.rendering.answer(
            template, {**_NOBODY, "problem": None, **values}, status=status
        )


def _is_portal(path: str) -> bool:
    return path.startswith(f"{PORTAL_ROOT}/")


def _target(request: Request) -> str:
    query = request.url.query
    return _safe(f"{request.url.path}?{query}" if query else request.url.path)


def _safe(target: str) -> str:
    """A page of ours, whatever was asked for."""
    parts = urlsplit(target)
    is_ours = target.startswith("/") and not target.startswith(("//", "/\\"))
    if not is_ours or parts.netloc or not target.isprintable() or "\\" in target:
        return "/"
    return "/" if parts.path in {SIGN_IN, "/sign-out"} else target


def _cookie(name: str, value: str, request: Request) -> str:
    secure = "; Secure" if request.url.scheme == "https" else ""
    return f"{name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}"


def _portal_cookie(value: str, request: Request) -> str:
    """Within another site's page a browser sends no other one; and that page cannot read it."""
    # Without TLS a strict one would be held back where another site's page led to the link.
    is_secure = request.url.scheme == "https"
    site = "SameSite=None; Secure; Partitioned" if is_secure else "SameSite=Lax"
    return f"{_PORTAL_COOKIE}={value}; Path={PORTAL_ROOT}/; HttpOnly; {site}"
