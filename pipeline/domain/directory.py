"""Accounts and endpoints as the tables say, in memory, indexed for routing. Pure.

Told, never asking.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.domain.endpoint import EndpointStatus

if TYPE_CHECKING:
    from pipeline.domain.endpoint import Account, Endpoint

MOST_CACHED_TYPES = 10_000
"""Answers kept by account and type; beyond it they are forgotten and found anew."""

Admits = Callable[[str], bool]
"""Whether an endpoint asked for events of this type."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """An endpoint with its type patterns compiled."""

    endpoint: Endpoint
    admits: Admits


class Directory:
    """The tables' present state. A record that is older than what is known changes nothing."""

    def __init__(self, compile_patterns: Callable[[tuple[str, ...]], Admits]) -> None:
        self._compile = compile_patterns
        self._accounts: dict[str, Account] = {}
        self._subscriptions: dict[str, Subscription] = {}
        self._by_account: dict[str, dict[str, Subscription]] = {}
        self._matching: dict[tuple[str, str], tuple[Endpoint, ...]] = {}

    def endpoint(self, endpoint_id: str) -> Endpoint | None:
        """None means that the table is behind: ids never just vanish."""
        subscription = self._subscriptions.get(endpoint_id)
        return subscription.endpoint if subscription else None

    def account(self, account_id: str) -> Account | None:
        """None if no record of it was seen."""
        return self._accounts.get(account_id)

    def endpoints(self) -> Iterator[Endpoint]:
        """All of them, removed ones too."""
        return (subscription.endpoint for subscription in self._subscriptions.values())

    def endpoints_of(self, account_id: str) -> Iterable[str]:
        """Ids of the account's endpoints."""
        return self._by_account.get(account_id, {}).keys()

    def put_account(self, account: Account) -> None:
        """The table says so."""
        known = self._accounts.get(account.id)
        if known is None or known.version < account.version:
            self._accounts[account.id] = account
            self._matching.clear()

    def put_endpoint(self, endpoint: Endpoint) -> None:
        """The table says so."""
        known = self.endpoint(endpoint.id)
        if known is not None and known.version >= endpoint.version:
            return
        if known is not None:
            self._by_account[known.account].pop(known.id, None)
        subscription = Subscription(endpoint, self._compile(endpoint.event_types))
        self._subscriptions[endpoint.id] = subscription
        self._by_account.setdefault(endpoint.account, {})[endpoint.id] = subscription
        self._matching.clear()

    def drop_endpoint(self, endpoint_id: str) -> None:
        """A removed endpoint's record was itself removed, long after."""
        subscription = self._subscriptions.pop(endpoint_id, None)
        if subscription is not None:
            self._by_account[subscription.endpoint.account].pop(endpoint_id, None)
            self._matching.clear()

    def matching(self, account_id: str, event_type: str) -> tuple[Endpoint, ...]:
        """Which endpoints of the account asked for this type and are not removed.

        Inactive ones are among them: what they should get is held for them.
        """
        key = (account_id, event_type)
        cached = self._matching.get(key)
        if cached is None:
            if len(self._matching) >= MOST_CACHED_TYPES:
                self._matching.clear()
            cached = self._matching[key] = tuple(self._find(account_id, event_type))
        return cached

    def _find(self, account_id: str, event_type: str) -> Iterable[Endpoint]:
        account = self._accounts.get(account_id)
        if account is not None and (account.removed or not account.webhooks_enabled):
            return
        for subscription in self._by_account.get(account_id, {}).values():
            endpoint = subscription.endpoint
            if endpoint.status != EndpointStatus.REMOVED and subscription.admits(event_type):
                yield endpoint
