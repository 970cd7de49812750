"""Bodies, read whole within bounds before anything is made of them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

import msgspec
from starlette.types import Message, Receive

from pipeline.api.problems import Problem, of_status, unavailable
from pipeline.api.request_head import Head

MAX_BODY_BYTES: Final = 16 * 1024 * 1024
MAX_DEPTH: Final = 64
BODY_SECONDS: Final = 60.0
"""For the whole body: 16 MiB at 2 Mbit/s."""
MAX_BUFFERED_BYTES: Final = 256 * 1024 * 1024
"""Of all requests together."""

_JSON: Final = b"application/json"
_MERGE_PATCH: Final = b"application/merge-patch+json"
_TEXTS: Final = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKETS: Final = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
_ANY_JSON: Final = msgspec.json.Decoder(msgspec.Raw)


class Room:
    """How many bytes of bodies are in memory, over all requests. Event loop only."""

    def __init__(self, most_bytes: int = MAX_BUFFERED_BYTES) -> None:
        self._left = most_bytes

    def take(self, count: int) -> None:
        """Raises Problem (503)."""
        if count > self._left:
            raise unavailable("Too much is being received at once.")
        self._left -= count

    def give_back(self, count: int) -> None:
        self._left += count


class BodyReader:
    """Stands in for a request's `receive`: gives the body in one message, or raises Problem.

    What nobody reads is not looked at.
    """

    def __init__(
        self,
        receive: Receive,
        head: Head,
        *,
        method: str,
        room: Room,
        check: Callable[[bytes], None],
    ) -> None:
        """`check` looks at the whole body, and raises Problem."""
        self._receive = receive
        self._head = head
        self._method = method
        self._room = room
        self._check = check
        self._taken = 0
        self._is_read = False

    async def __call__(self) -> Message:
        """Raises Problem: 400, 408, 413, 415, 503."""
        if self._is_read:
            return await self._receive()
        self._is_read = True
        self._check_declared_length()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                message = await self._whole()
        except TimeoutError as exc:
            detail = f"The body did not come within {BODY_SECONDS:g} s."
            raise of_status(HTTPStatus.REQUEST_TIMEOUT, detail) from exc
        if body := message.get("body"):
            self._check_type()
            self._check(body)
        return message

    def close(self) -> None:
        """The request is over, and with it the need for its body."""
        self._room.give_back(self._taken)
        self._taken = 0

    def _check_declared_length(self) -> None:
        declared = self._head.content_length or b""
        if declared.isdigit() and int(declared) > MAX_BODY_BYTES:
            raise too_large()

    async def _whole(self) -> Message:
        chunks: list[bytes] = []
        while True:
            message = await self._receive()
            if message["type"] != "http.request":
                return message
            chunk = message.get("body", b"")
            self._room.take(len(chunk))
            self._taken += len(chunk)
            if self._taken > MAX_BODY_BYTES:
                raise too_large()
            chunks.append(chunk)
            if not message.get("more_body", False):
                body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
                return {"type": "http.request", "body": body, "more_body": False}

    def _check_type(self) -> None:
        kind = (self._head.content_type or b"").partition(b";")[0].strip().lower()
        if kind == _JSON or (kind == _MERGE_PATCH and self._method == "PATCH"):
            return
        or_patch = f" or {_MERGE_PATCH.decode()}" if self._method == "PATCH" else ""
        detail = f"Send {_JSON.decode()}{or_patch}."
        raise of_status(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail)


def too_large() -> Problem:
    """413."""
    return Problem(
        status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        title="Request too large",
        detail=f"At most {MAX_BODY_BYTES} bytes are taken at once.",
    )


def check_json(body: bytes) -> None:
    """Raises Problem (400): it is no JSON in UTF-8, or nested deeper than `MAX_DEPTH`."""
    try:
        if not body.isascii():
            body.decode()  # the decoder passes over text without looking at it
        _ANY_JSON.decode(body)
    except UnicodeDecodeError as exc:
        raise _malformed(f"Byte {exc.start} is not UTF-8.") from exc
    except msgspec.DecodeError as exc:
        raise _malformed(f"{exc}.") from exc
    except RecursionError as exc:
        raise _too_deep() from exc
    if is_deeper_than(MAX_DEPTH, body):
        raise _too_deep()


def is_deeper_than(limit: int, text: bytes) -> bool:
    """Whether JSON has an array or object within more than `limit` others."""
    if text.count(b"[") + text.count(b"{") <= limit:
        return False
    brackets = _TEXTS.sub(b"", text).translate(_BRACKETS, _NO_BRACKETS)
    for _ in range(limit):
        # Takes the innermost ones away, and they alone make a level.
        brackets = brackets.replace(b"[]", b"")
        if not brackets:
            return False
    return True


def _malformed(detail: str) -> Problem:
    return of_status(HTTPStatus.BAD_REQUEST, detail)


def _too_deep() -> Problem:
    return _malformed(f"The body is nested deeper than {MAX_DEPTH} levels.")
