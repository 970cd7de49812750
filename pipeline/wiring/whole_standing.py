"""How everything stands that belongs together: asked of whoever has started it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

from pipeline.api.status import Standing
from pipeline.telemetry.health_server import Health

_SECONDS: Final = 2.0
_LONGEST_BYTES: Final = 256 * 1024
_LOOPBACK: Final = "127.0.0.1"
_QUESTION: Final = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
_NO_ANSWER: Final = Standing(
    HTTPStatus.SERVICE_UNAVAILABLE, b'{"status": "unavailable", "waiting_for": "supervisor"}\n'
)


def standing_by(
    judge: Callable[[], Health], status_port: int | None
) -> Callable[[], Awaitable[Standing]]:
    """Of all that a supervisor runs, where there is one; else of this process alone."""

    async def own() -> Standing:
        health = judge()
        status = HTTPStatus.OK if health.is_ready else HTTPStatus.SERVICE_UNAVAILABLE
        text = json.dumps({"status": "ok" if health.is_ready else "unavailable", **health.detail})
        return Standing(status, f"{text}\n".encode())

    async def whole() -> Standing:
        assert status_port is not None  # noqa: S101 - asked only where there is one
        try:
            async with asyncio.timeout(_SECONDS):
                return await _asked(status_port)
        except (OSError, ValueError):
            return _NO_ANSWER

    return own if status_port is None else whole


async def _asked(port: int) -> Standing:
    """Raises OSError, ValueError, TimeoutError: there is no answer."""
    reader, writer = await asyncio.open_connection(_LOOPBACK, port, limit=_LONGEST_BYTES)
    try:
        writer.write(_QUESTION)
        answer = await reader.read(_LONGEST_BYTES)
        while chunk := await reader.read(_LONGEST_BYTES):
            answer += chunk
            if len(answer) > _LONGEST_BYTES:
                raise ValueError("too long for an answer")
    finally:
        writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return Standing(int(head.split(b" ", 2)[1]), body)
