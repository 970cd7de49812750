"""Accounts and endpoints as the tables say, in memory, indexed for routing. Pure.

Told, never asking.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from pipeline.domain.admission import account_refusal
from pipeline.domain.endpoint import EndpointStatus
from pipeline.domain.type_index import TypeIndex
from pipeline.domain.type_patterns import compile_patterns

if TYPE_CHECKING:
    from pipeline.domain.endpoint import Account, Endpoint

MOST_CACHED_ANSWERS: Final = 10_000
MOST_CACHED_ENDPOINTS: Final = 1_000_000
"""In the answers kept by account and type; beyond either they are forgotten and found anew."""


class Directory:
    """The tables' present state. A record that is older than what is known changes nothing."""

    def __init__(self) -> None:
        self._accounts: dict[str, Account] = {}
        self._endpoints: dict[str, Endpoint] = {}
        self._by_account: dict[str, dict[str, None]] = {}
        self._types: dict[str, TypeIndex] = {}
        self._matching: dict[tuple[str, str], tuple[Endpoint, ...]] = {}
        self._cached_endpoints = 0

    def endpoint(self, endpoint_id: str) -> Endpoint | None:
        """None means that the table is behind: ids never just vanish."""
        return self._endpoints.get(endpoint_id)

    def account(self, account_id: str) -> Account | None:
        """None if no record of it was seen."""
        return self._accounts.get(account_id)

    def endpoints(self) -> Iterator[Endpoint]:
        """All of them, removed ones too."""
        return iter(self._endpoints.values())

    def endpoints_of(self, account_id: str) -> Iterable[str]:
        """Ids of the account's endpoints."""
        return self._by_account.get(account_id, {}).keys()

    def put_account(self, account: Account) -> None:
        """The table says so."""
        known = self._accounts.get(account.id)
        if known is None or known.version < account.version:
            self._accounts[account.id] = account
            self._forget_answers()

    def put_endpoint(self, endpoint: Endpoint) -> None:
        """The table says so. Raises InvalidTypePattern, and has changed nothing then."""
        known = self._endpoints.get(endpoint.id)
        if known is not None and known.version >= endpoint.version:
            return
        if known is None or _asked(known) != _asked(endpoint):
            compile_patterns(endpoint.event_types)
            if known is not None:
                self._unindex(known)
            self._index(endpoint)
        if known is not None:
            self._by_account[known.account].pop(known.id, None)
        self._endpoints[endpoint.id] = endpoint
        self._by_account.setdefault(endpoint.account, {})[endpoint.id] = None
        self._forget_answers()

    def drop_endpoint(self, endpoint_id: str) -> None:
        """A removed endpoint's record was itself removed, long after."""
        endpoint = self._endpoints.pop(endpoint_id, None)
        if endpoint is not None:
            self._unindex(endpoint)
            self._by_account[endpoint.account].pop(endpoint_id, None)
            self._forget_answers()

    def matching(self, account_id: str, event_type: str) -> tuple[Endpoint, ...]:
        """Which endpoints of the account asked for this type and are not removed.

        Inactive ones are among them: what they should get is held for them.
        """
        key = (account_id, event_type)
        cached = self._matching.get(key)
        if cached is None:
            cached = tuple(self._find(account_id, event_type))
            self._cached_endpoints += len(cached)
            if (
                len(self._matching) >= MOST_CACHED_ANSWERS
                or self._cached_endpoints > MOST_CACHED_ENDPOINTS
            ):
                self._forget_answers()
            self._matching[key] = cached
        return cached

    def _find(self, account_id: str, event_type: str) -> Iterator[Endpoint]:
        types = self._types.get(account_id)
        if types is None or account_refusal(self._accounts.get(account_id)) is not None:
            return
        for endpoint_id in types.find(event_type):
            yield self._endpoints[endpoint_id]

    def _index(self, endpoint: Endpoint) -> None:
        if endpoint.status is not EndpointStatus.REMOVED:
            types = self._types.setdefault(endpoint.account, TypeIndex())
            types.add(endpoint.id, endpoint.event_types)

    def _unindex(self, endpoint: Endpoint) -> None:
        if endpoint.status is not EndpointStatus.REMOVED:
            self._types[endpoint.account].remove(endpoint.id, endpoint.event_types)

    def _forget_answers(self) -> None:
        self._matching.clear()
        self._cached_endpoints = 0


def _asked(endpoint: Endpoint) -> tuple[str, tuple[str, ...], bool]:
    """What its place in the index depends on."""
    is_removed = endpoint.status is EndpointStatus.REMOVED
    return endpoint.account, endpoint.event_types, is_removed
