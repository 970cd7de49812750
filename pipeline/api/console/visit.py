"""One request of somebody who may see pages, and how a page answers it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pipeline.api.caller import Caller
from pipeline.api.console.api_calls import ApiCalls, Document, path_of
from pipeline.api.console.forms import Form
from pipeline.api.console.rendering import Rendering
from pipeline.api.console.visitor import Visitor
from pipeline.registry import Access


@dataclass(frozen=True, slots=True)
class Visit:
    """What a page has."""

    request: Request
    visitor: Visitor
    api: ApiCalls
    rendering: Rendering
    form: Form
    now_ms: int
    is_fragment: bool
    """Whether a part of the page is asked for, to be put into it."""

    def part(self, name: str) -> str:
        """Of the path."""
        return str(self.request.path_params[name])

    def asked(self, name: str) -> str:
        """Of the query; empty where it is not there."""
        return self.request.query_params.get(name, "").strip()

    def page(
        self,
        template: str,
        status: int = HTTPStatus.OK,
        /,
        **values: Any,  # noqa: ANN401 - a template's
    ) -> Response:
        """A template, filled in."""
        shown: Mapping[str, Any] = {
            "visitor": self.visitor,
            "root": self.visitor.root,
            "path": self.request.url.path,
            "now_ms": self.now_ms,
            **values,
        }
        return self.rendering.answer(template, shown, status=status)

    def to(self, path: str, **query: str) -> Response:
        """On to another page, after a change."""
        suffix = f"?{urlencode(query)}" if query else ""
        url = f"{self.visitor.root}{path}{suffix}"
        return RedirectResponse(url, HTTPStatus.SEE_OTHER)

    async def profile(self, name: str) -> Document:
        """What a profile fixes: no secret of anybody's, so an account's forms follow it, too."""
        operator = Caller(self.visitor.caller.key_id, None, Access.READ, "console")
        found = await replace(self.api, caller=operator).get(path_of("profiles", name))
        return {"name": name, **found["document"]}


Page = Callable[[Visit], Awaitable[Response]]
