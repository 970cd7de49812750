"""What receivers have accepted, looked at while it goes on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.faults.whereabouts import Expected, number_in
from tests.receiver import Receiver


class Repeat(NamedTuple):
    """A request that was accepted although the same delivery had been before."""

    of: Expected
    at: float


@dataclass
class Arrivals:
    """Each request is looked at once, however often `look` is called."""

    receiver: Receiver
    first: dict[Expected, float] = field(default_factory=dict[Expected, float])
    """When each delivery was accepted for the first time; seconds since the epoch."""
    repeats: list[Repeat] = field(default_factory=list[Repeat])
    _looked_at: int = 0

    def look(self) -> None:
        accepted = self.receiver.accepted
        while self._looked_at < len(accepted):
            request = accepted[self._looked_at]
            self._looked_at += 1
            found = (request.path.removeprefix("/"), number_in(request.body))
            if found in self.first:
                self.repeats.append(Repeat(found, request.at))
            else:
                self.first[found] = request.at

    def missing(self, wanted: Iterable[Expected]) -> list[Expected]:
        self.look()
        return [each for each in wanted if each not in self.first]
