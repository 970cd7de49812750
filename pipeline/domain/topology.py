"""What our topics are called, and what a name says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from pipeline.domain.identifiers import check_chosen_id

DEFAULT_PREFIX: Final = "webhooks."
MAX_PREFIX_CHARS: Final = 100
"""Kafka's names have at most 249 characters, and an endpoint's id takes 64 of them."""

_PREFIX: Final = re.compile(r"[A-Za-z0-9._-]*", re.ASCII)
_DELIVERY: Final = "delivery."
_RETRY: Final = "retry."


class InvalidPrefix(ValueError):
    """No topic can begin with this; the message says why."""


class Topology:
    """The names of all our topics under one prefix."""

    __slots__ = ("prefix",)

    def __init__(self, prefix: str = DEFAULT_PREFIX) -> None:
        """Raises InvalidPrefix."""
        if not _PREFIX.fullmatch(prefix):
            raise InvalidPrefix(f"{prefix!r}: use only A-Z, a-z, 0-9, ., _ and - in the prefix")
        if len(prefix) > MAX_PREFIX_CHARS:
            raise InvalidPrefix(f"{len(prefix)} characters: use at most {MAX_PREFIX_CHARS}")
        self.prefix = prefix

    @property
    def events(self) -> str:
        """What the API publishes to; other source topics can stand beside it."""
        return self.prefix + "events"

    @property
    def accounts(self) -> str:
        return self.prefix + "accounts"

    @property
    def profiles(self) -> str:
        return self.prefix + "profiles"

    @property
    def endpoints(self) -> str:
        return self.prefix + "endpoints"

    @property
    def relations(self) -> str:
        return self.prefix + "relations"

    @property
    def tables(self) -> tuple[str, ...]:
        """Compacted, one partition each, held in memory."""
        return (self.accounts, self.profiles, self.endpoints, self.relations)

    @property
    def positions(self) -> str:
        """Where each group began each partition."""
        return self.prefix + "positions"

    @property
    def shared_delivery(self) -> str:
        """For all endpoints without a topic of their own."""
        return self.prefix + "shared-delivery"

    @property
    def dead_letter(self) -> str:
        return self.prefix + "dead-letter"

    @property
    def attempts(self) -> str:
        return self.prefix + "attempts"

    @property
    def jobs(self) -> str:
        return self.prefix + "jobs"

    @property
    def interventions(self) -> str:
        """What was asked for single deliveries that wait."""
        return self.prefix + "interventions"

    @property
    def own_deliveries(self) -> str:
        """How the names of endpoints' own topics begin."""
        return self.prefix + _DELIVERY

    @property
    def tiers(self) -> str:
        """How the names of the tiers' topics begin."""
        return self.prefix + _RETRY

    def delivery(self, endpoint: str) -> str:
        """The endpoint's own topic. Raises InvalidIdentifier: the id is none."""
        return self.prefix + _DELIVERY + check_chosen_id(endpoint, field="endpoint")

    def endpoint_of(self, topic: str) -> str | None:
        """Whose own topic this is, or None where it is nobody's."""
        start = self.prefix + _DELIVERY
        return topic[len(start) :] if topic.startswith(start) else None

    def retry(self, tier: str) -> str:
        """The topic of a tier, which is called by its delay: `5s`."""
        return self.prefix + _RETRY + tier

    def retries(self, tiers: Sequence[str]) -> tuple[str, ...]:
        return tuple(map(self.retry, tiers))

    def tier_of(self, topic: str) -> str | None:
        """Which tier this topic is, or None where it is none."""
        start = self.prefix + _RETRY
        return topic[len(start) :] if topic.startswith(start) else None

    def named(self, name: str) -> str:
        """The topic that is called `name` in topics.yaml: the same without the prefix."""
        return self.prefix + name
