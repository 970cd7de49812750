"""A replay or a redrive: how far it is, live, and its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from pipeline.api.console.api_calls import path_of
from pipeline.api.console.visit import Visit

_FINAL: Final = frozenset(("done", "cancelled", "failed"))


@dataclass(frozen=True, slots=True)
class JobPages:
    """Of one kind."""

    word: str
    """`replay` or `redrive`: the path's parameter, too."""
    resource: tuple[str, ...]
    """Of the API."""
    at: str
    """Where the pages lie."""

    async def one(self, visit: Visit) -> Response:
        """The page, or the part of it that is live."""
        job = await visit.api.get(path_of(*self.resource, visit.part(self.word)))
        return visit.page(
            "job_live.html" if visit.is_fragment else "job.html",
            job=job,
            word=self.word,
            page=f"{self.at}/{job['id']}",
            here=f"{visit.visitor.root}{self.at}/{job['id']}",
            is_over=job["status"] in _FINAL,
            done=visit.asked("done"),
        )

    async def cancel(self, visit: Visit) -> Response:
        """Nothing more is written."""
        job_id = visit.part(self.word)
        await visit.api.delete(path_of(*self.resource, job_id))
        return visit.to(f"{self.at}/{job_id}", done="cancelled")


REPLAYS: Final = JobPages("replay", ("replays",), "/replays")
REDRIVES: Final = JobPages("redrive", ("dead-letters", "redrive"), "/dead-letters/redrives")
