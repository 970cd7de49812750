"""What was sent, against what came of it: nothing may be missing, and repeats carry the same id."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass

from tests.receiver import Receiver
from tests.running_pipeline import RunningPipeline


@dataclass(frozen=True)
class Count:
    """One account's events, each with its number in `data.n`."""

    sent: int
    accepted: set[int]
    dead: set[int]
    repeats: int
    """Requests accepted beyond the first of each delivery."""

    @property
    def missing(self) -> set[int]:
        return set(range(self.sent)) - self.accepted - self.dead


def count(pipeline: RunningPipeline, receiver: Receiver, account: str, *, sent: int) -> Count:
    """Fails if two ids were used for one event, or one id for two."""
    by_number: dict[int, set[str]] = {}
    accepted: Counter[int] = Counter()
    for request in list(receiver.accepted):
        number = json.loads(request.body)["Data"]["n"]
        accepted[number] += 1
        by_number.setdefault(number, set()).add(request.webhook_id)
    assert all(len(ids) == 1 for ids in by_number.values())
    assert len({next(iter(ids)) for ids in by_number.values()}) == len(by_number)
    dead: set[int] = set()
    for letter in pipeline.dead_letters():
        if letter.account == account and letter.delivery is not None:
            body = pipeline.codec.decode_delivery(letter.delivery).body
            dead.add(json.loads(body)["Data"]["n"])
    repeats = sum(times - 1 for times in accepted.values())
    return Count(sent, set(accepted), dead, repeats)
