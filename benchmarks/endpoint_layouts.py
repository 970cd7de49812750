"""Which accounts and endpoints a scenario has."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from itertools import count, islice
from pathlib import Path
from typing import Final

from benchmarks.partition_of_key import partition_of_key
from pipeline.domain.endpoint import Account, Credentials, Endpoint, RetryPolicy, SigningSecret
from pipeline.domain.topology import Topology
from pipeline.resources import TOPICS_FILE

IN_FLIGHT: Final = 64
SHARED_PARTITIONS: Final = 8
"""As in topics.yaml."""
_PROFILE: Final = "standard-webhooks"
_LIMIT: Final = re.compile(r"^( *dedicated_limit: )\d+$", re.MULTILINE)


class TopicKind(StrEnum):
    """Where endpoints' deliveries wait."""

    OWN = "own"
    SHARED = "shared"


class Spreading(StrEnum):
    """How endpoints lie on the partitions of the shared topic."""

    EVEN = "even"
    TOGETHER = "together"
    """All on one."""


@dataclass(frozen=True, slots=True)
class EndpointLayout:
    """Endpoints that want every event of their account, spread evenly over accounts."""

    accounts: int
    endpoints: int
    topics: TopicKind
    spreading: Spreading = Spreading.EVEN
    retry_delays_ms: tuple[int, ...] | None = None
    """None: the profile's schedule."""
    timeout_ms: int | None = None
    """None: the default."""

    @property
    def fan_out(self) -> int:
        """How many endpoints get each event."""
        return self.endpoints // self.accounts

    def account(self, number: int) -> str:
        """Whose event this is."""
        return f"account-{number % self.accounts}"

    def endpoint_ids(self) -> list[str]:
        """In the order of their accounts."""
        names = (f"endpoint-{number}" for number in count())
        if self.spreading is Spreading.TOGETHER:
            names = (name for name in names if _partition(name) == 0)
        return list(islice(names, self.endpoints))


def accounts_of(layout: EndpointLayout) -> Iterator[Account]:
    """What the table of accounts holds."""
    for number in range(layout.accounts):
        yield Account(layout.account(number), _PROFILE)


def endpoints_of(layout: EndpointLayout, topology: Topology, address: str) -> Iterator[Endpoint]:
    """What the table of endpoints holds, but for what is sealed; URLs are `address/<account>/...`.

    Standard Webhooks, 64 requests in flight.
    """
    retry = None if layout.retry_delays_ms is None else RetryPolicy(layout.retry_delays_ms)
    for number, endpoint_id in enumerate(layout.endpoint_ids()):
        account, position = divmod(number, layout.fan_out)
        own = layout.topics is TopicKind.OWN
        yield Endpoint(
            endpoint_id,
            layout.account(account),
            _PROFILE,
            topology.delivery(endpoint_id) if own else topology.shared_delivery,
            url=f"{address}/{account}/{position}",
            max_in_flight=IN_FLIGHT,
            retry=retry,
            timeout_ms=layout.timeout_ms,
        )


def credentials_of(endpoint_id: str) -> Credentials:
    """A secret to sign with, of 32 bytes."""
    secret = base64.b64encode(sha256(endpoint_id.encode()).digest()).decode()
    return Credentials((SigningSecret(f"whsec_{secret}"),))


def write_topics(path: Path, layout: EndpointLayout) -> None:
    """This version's topics.yaml, which allows as many own topics as the layout has."""
    limit = layout.endpoints if layout.topics is TopicKind.OWN else 0
    text, found = _LIMIT.subn(rf"\g<1>{limit}", TOPICS_FILE.read_text())
    assert found == 1, f"{TOPICS_FILE} names dedicated_limit {found} times"
    path.write_text(text)


def _partition(endpoint_id: str) -> int:
    return partition_of_key(endpoint_id.encode(), SHARED_PARTITIONS)
