"""What came of everything that was sent: at the receivers, in Kafka, in the store, in the logs."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from pipeline.adapters.storage.engine import connected
from pipeline.adapters.storage.store_reader import StoreReader
from pipeline.domain.delivery import Outcome
from tests.cluster.plan import STRICT, Wanted
from tests.cluster.soaked import Soaked
from tests.faults.random_rounds import out_of_order
from tests.faults.whereabouts import Whereabouts, number_in, whereabouts
from tests.running_pipeline import eventually

SETTLED_SECONDS: Final = 240.0
"""So long at most until everything is where it belongs: a retry's longest way is a minute and a
half."""
_WARNING: Final = re.compile(r"^\S+Z (?:WARNING|ERROR|CRITICAL) +(.*)$", re.MULTILINE)
_LOST_ITS_PLACE: Final = re.compile(r"Z ERROR +[a-z]+ ends: |Z WARNING SESSTMOUT ")
_SHOWN: Final = 60
_NAMES: Final = re.compile(r"\[[^\]]*\] ?|\b(?:127\.0\.0\.1:\d+|t[0-9a-f]{10}\.|\d[\d.,]*)")


@dataclass(frozen=True)
class Found:
    cluster: Soaked
    wanted: Wanted
    found: Whereabouts

    def check(self) -> None:
        """Fails where anything is lost, out of order, or told of otherwise than it is."""
        secured, receiver = self.cluster.secured, self.cluster.secured.receiver
        assert self.found.missing == set()
        assert len(self.found.sent) == sum(
            map(len, (self.found.accepted, self.found.dead, self.found.waiting))
        )
        assert set(self.found.accepted) == self.wanted.accepted
        assert set(self.found.dead) == self.wanted.dead
        assert set(self.found.waiting) == self.wanted.waiting
        assert set(self.found.dead.values()) <= {"exhausted"}
        assert out_of_order(receiver, STRICT, number_in) == []
        letters = {each.id for each in secured.pipeline.dead_letters()}
        assert len(letters) == len(self.found.dead)
        assert all(each.poll() is None for each in secured.pipeline.processes.values())
        assert "Traceback" not in secured.logs()
        assert secured.broker.denied() == []
        _wait_stored(self.cluster, self.wanted)

    def counts(self) -> dict[str, int]:
        """Of deliveries, of requests, and of those that were not answered in time."""
        attempts = self.cluster.secured.pipeline.attempts()
        return {
            "sent": len(self.found.sent),
            "delivered": len(self.found.accepted),
            "dead": len(self.found.dead),
            "waiting": len(self.found.waiting),
            "requests": len(self.cluster.secured.receiver.requests),
            "attempts": len(attempts),
            "timed out": sum(each.outcome == Outcome.TIMED_OUT for each in attempts),
            "repeats": self.found.repeats,
        }


def settled(cluster: Soaked, wanted: Wanted) -> Found:
    """When everything that can arrive has arrived, and everything is committed."""
    eventually(
        lambda: not cluster.arrivals.missing(wanted.accepted),
        seconds=SETTLED_SECONDS,
        text=lambda: f"{sorted(cluster.arrivals.missing(wanted.accepted))[:20]} {cluster.states()}",
    )
    pipeline, receiver = cluster.secured.pipeline, cluster.secured.receiver
    found = [whereabouts(pipeline, receiver, wanted.all)]

    def is_so() -> bool:
        found[0] = whereabouts(pipeline, receiver, wanted.all)
        return found[0].adds_up and set(found[0].waiting) == wanted.waiting

    eventually(is_so, seconds=SETTLED_SECONDS, text=lambda: str(found[0]))
    return Found(cluster, wanted, found[0])


def _wait_stored(cluster: Soaked, wanted: Wanted) -> None:
    """PostgreSQL says the same of every delivery."""
    told = {
        "delivered": len(wanted.accepted),
        "dead": len(wanted.dead),
        "retrying": len(wanted.waiting),
    }
    with closing(connected(cluster.postgres.server.url("postgres"))) as store:
        reader = StoreReader(store)
        eventually(
            lambda: reader.counts() == told,
            seconds=SETTLED_SECONDS,
            text=lambda: f"{reader.counts()} are stored, not {told}",
        )


def places_lost(cluster: Soaked) -> int:
    """How often Kafka gave the place of a stage away that nobody had restarted.

    That is so where brokers or stages are too busy for a heartbeat in 10 s.
    """
    return len(_LOST_ITS_PLACE.findall(cluster.secured.logs()))


def warnings(cluster: Soaked) -> Counter[str]:
    """Of the stages' logs, by how they begin: numbers, addresses and clients left out."""
    found = _WARNING.findall(cluster.secured.logs())
    return Counter(_NAMES.sub("*", text)[:_SHOWN].strip() for text in found)
