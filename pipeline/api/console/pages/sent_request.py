"""A delivery's request, as exactly as it is still known: to be read, copied and verified."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from pipeline.api.console.api_calls import ApiCalls, Document, path_of
from pipeline.api.problems import Problem

_SHOWN_BYTES: Final = 64 * 1024
_CONTENT_TYPE: Final = b"content-type"


class SentRequest(NamedTuple):
    """What was sent, or why it cannot be shown."""

    body: str | None
    is_whole: bool
    size_bytes: int
    content_type: str
    headers: Mapping[str, str]
    """As they were logged: secrets are masked."""
    problem: str
    curl: str


async def sent_request(api: ApiCalls, delivery: Document, endpoint: Document | None) -> SentRequest:
    """Raises Problem for nothing that a page can say in place of the body."""
    headers = _headers(delivery)
    if delivery["archived"]:
        return _without("Archived: what was sent is deleted, and cannot be sent again.", headers)
    try:
        found = await api.answer("GET", path_of("deliveries", delivery["id"], "raw"))
    except Problem as problem:
        return _without(problem.detail or problem.title, headers)
    kind = found.headers.get(_CONTENT_TYPE, b"application/json").decode("latin-1")
    body = found.body[:_SHOWN_BYTES].decode("utf-8", "replace")
    is_whole = len(found.body) <= _SHOWN_BYTES
    url = (endpoint or {}).get("url")
    sent = {"Content-Type": kind} | {
        name: value for name, value in headers.items() if name.lower() != "content-type"
    }
    curl = _curl(url, sent, body) if url and is_whole else ""
    return SentRequest(body, is_whole, len(found.body), kind, headers, "", curl)


def _without(problem: str, headers: Mapping[str, str]) -> SentRequest:
    return SentRequest(None, True, 0, "", headers, problem, "")


def _headers(delivery: Mapping[str, Any]) -> dict[str, str]:
    for attempt in reversed(delivery["attempt_log"]):
        if attempt["request_headers"]:
            return dict(attempt["request_headers"])
    return {}


def _curl(url: str, headers: Mapping[str, str], body: str) -> str:
    """For a shell: every word quoted, so that nothing in it is a command."""
    lines = [f"curl {shlex.quote(url)}", "--request POST"]
    lines += [f"--header {shlex.quote(f'{name}: {value}')}" for name, value in headers.items()]
    lines.append(f"--data-binary {shlex.quote(body)}")
    return " \\\n  ".join(lines)
