"""The names of all topics, from one prefix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DEFAULT_PREFIX: Final = "webhooks."


@dataclass(frozen=True, slots=True)
class Topology:
    """Names of topics; two pipelines with different prefixes share a cluster without meeting."""

    prefix: str = DEFAULT_PREFIX

    @property
    def events(self) -> str:
        """Where producers publish, unless other source topics are named."""
        return f"{self.prefix}events"

    @property
    def accounts(self) -> str:
        """Table of accounts."""
        return f"{self.prefix}accounts"

    @property
    def profiles(self) -> str:
        """Table of the operator's own profiles."""
        return f"{self.prefix}profiles"

    @property
    def endpoints(self) -> str:
        """Table of endpoints."""
        return f"{self.prefix}endpoints"

    @property
    def relations(self) -> str:
        """Table of relations."""
        return f"{self.prefix}relations"

    @property
    def positions(self) -> str:
        """Which partitions each group has begun."""
        return f"{self.prefix}positions"

    @property
    def jobs(self) -> str:
        """Replays and redrives."""
        return f"{self.prefix}jobs"

    @property
    def attempts(self) -> str:
        """What was tried."""
        return f"{self.prefix}attempts"

    @property
    def dead_letter(self) -> str:
        """What finally failed."""
        return f"{self.prefix}dead-letter"

    @property
    def shared_delivery(self) -> str:
        """Deliveries of endpoints without a topic of their own; the name is no `delivery(...)`."""
        return f"{self.prefix}shared-delivery"

    def delivery(self, endpoint_id: str) -> str:
        """An endpoint's own topic."""
        return f"{self.prefix}delivery.{endpoint_id}"

    def endpoint_of(self, topic: str) -> str | None:
        """Whose own topic it is; None if it is no endpoint's."""
        start = f"{self.prefix}delivery."
        return topic.removeprefix(start) if topic.startswith(start) else None

    def retry(self, tier: str) -> str:
        """A tier's topic."""
        return f"{self.prefix}retry.{tier}"
