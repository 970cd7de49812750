"""An event: something that happened in an account, as producers publish it."""

from __future__ import annotations

from typing import NamedTuple


class Event(NamedTuple):
    """One event as it was read from a source topic.

    `data` is JSON text in UTF-8, validated but unparsed: what an endpoint receives is spliced from
    these very bytes, so number literals and text survive as the producer wrote them.
    """

    id: str
    type: str
    account: str
    time_us: int
    """When it occurred, microseconds since the epoch, UTC."""
    data: bytes
    subject: str | None = None
    metadata: dict[str, str] = {}  # noqa: RUF012 - a NamedTuple default; never mutated
