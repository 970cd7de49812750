"""What every answer of the console tells browsers: run, load and embed nothing of others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.api.console.visitor import PORTAL_ROOT

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors {ancestors}"
)


class AnswerHeaders:
    """An ASGI application around the pages."""

    def __init__(self, app: ASGIApp, frame_ancestors: Sequence[str]) -> None:
        """`frame_ancestors`: origins that may embed the pages of an account; operators' none may.

        Each is an origin by the settings' check, so that none can end the policy.
        """
        self._app = app
        self._operators = _POLICY.format(ancestors="'none'")
        allowed = " ".join(("'self'", *frame_ancestors)) if frame_ancestors else "'none'"
        self._portal = _POLICY.format(ancestors=allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_portal = scope["path"].startswith(PORTAL_ROOT)
        policy = self._portal if is_portal else self._operators

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", policy)
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "same-origin"
                headers["Cross-Origin-Opener-Policy"] = "same-origin"
                headers["Cross-Origin-Resource-Policy"] = "same-origin"
                headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
                headers.setdefault("Cache-Control", "no-store")
                headers.setdefault("Vary", "Cookie")
            await send(message)

        await self._app(scope, receive, told)
