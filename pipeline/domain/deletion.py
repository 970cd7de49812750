"""Which records of a log the janitor may delete: never one that its group has not finished."""

from __future__ import annotations

from typing import NamedTuple

KEPT_MS = 60 * 86_400_000
"""How long a delivery's record is kept after it was finished, so that it can be looked at again."""


class LogState(NamedTuple):
    """What is known of one partition. Unknown is None, and what is unknown forbids."""

    first_offset: int
    committed: int | None
    """The group's committed offset."""
    first_young: int | None
    """The first record younger than what is kept; the end of the log where all are older."""


def delete_before(state: LogState) -> int | None:
    """All records below this offset may go; None where there is nothing to delete.

    A record goes when it is finished and old enough. The offset is at most the committed one, so
    whatever is not committed stays, however old it is.
    """
    if state.committed is None or state.first_young is None:
        return None
    bound = min(state.committed, state.first_young)
    return bound if bound > state.first_offset else None
