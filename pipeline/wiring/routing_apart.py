"""Routing past events beside the live groups, with a consumer group of one's own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pipeline.domain.delivery_label import DeliveryLabel, of_replay
from pipeline.domain.job_selection import ChosenRecipients

if TYPE_CHECKING:
    from pipeline.domain.directory import Directory

SLOT: Final = "router-apart"
"""So its processes take no number from the live ones on this machine."""
_GROUP: Final = re.compile(r"[A-Za-z0-9._-]{1,200}", re.ASCII)


class InvalidGroup(ValueError):
    """It cannot be the group's name; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class RoutingApart:
    """One endpoint's events from a time on, as the group has not read them yet."""

    group: str
    endpoint: str
    since_ms: int

    @property
    def label(self) -> DeliveryLabel:
        """Told apart from what the live routers make, and the same whenever the group goes on."""
        return of_replay(f"group:{self.group}", new_ids=False)

    def of(self, directory: Directory) -> ChosenRecipients:
        return ChosenRecipients(directory, account=None, endpoint=self.endpoint)


def check_group(group: str, *, prefix: str) -> str:
    """Raises InvalidGroup: it is no name, or could be a stage's own."""
    if not _GROUP.fullmatch(group):
        raise InvalidGroup(f"{group!r}: use 1-200 of A-Z, a-z, 0-9, ., _ and -")
    if prefix and group.startswith(prefix):
        raise InvalidGroup(f"{group!r}: groups that begin with {prefix} are the pipeline's own")
    if not prefix and group in {"router", "sender", "scheduler", "recorder"}:
        raise InvalidGroup(f"{group!r} is the pipeline's own group: choose another name")
    return group
