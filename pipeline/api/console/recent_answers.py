"""What the API answered operators a moment ago: many look at the same live page at once."""

from __future__ import annotations

import asyncio
from typing import Final

from pipeline.api.console.api_calls import Document, Query
from pipeline.api.console.visit import Visit

_FRESH_SECONDS: Final = 3.0
"""The recorder is as late as this itself."""


class RecentAnswers:
    """Asks anew when an answer is older; accounts' own are always asked. Event loop only."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, Document]] = {}

    async def get(self, visit: Visit, path: str, query: Query) -> Document:
        """`query`: the same each time for a path. Raises Problem."""
        if not visit.visitor.is_operator:
            return await visit.api.get(path, query)
        now = asyncio.get_running_loop().time()
        known = self._known.get(path)
        if known is not None and now - known[0] < _FRESH_SECONDS:
            return known[1]
        found = await visit.api.get(path, query)
        self._known[path] = now, found
        return found
