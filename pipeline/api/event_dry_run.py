"""Which endpoints an event would reach, and why not the others: nothing is published."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from itertools import groupby
from typing import Final

from pipeline.accepting import TableLogs
from pipeline.api.event_checks import EventChecks
from pipeline.api.listing import Piece
from pipeline.api.problems import invalid, unavailable
from pipeline.api.table_reach import FollowedTables, TableReach
from pipeline.domain.admission import AccountView, Explanation, company_of, concerns, explain
from pipeline.domain.body_problem import NoSubject
from pipeline.domain.endpoint import Endpoint, EndpointStatus
from pipeline.domain.event import Event
from pipeline.domain.event_rules import EVERY_ACCOUNT

TABLES_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class DryRun:
    """Decides as the router does, by the same tables."""

    tables: FollowedTables
    reach: TableReach
    table_logs: TableLogs
    checks: EventChecks

    async def explained(self, event: Event, piece: Piece) -> list[Explanation]:
        """In the order of the endpoints' ids, one more than the piece has if there are more.

        Raises Problem (422): the event could not be published; 503.
        """
        await self._wait_reached()
        if errors := self.checks.errors_of(event):
            raise invalid(errors)
        by_account = groupby(self._endpoints(event, piece), key=lambda endpoint: endpoint.account)
        return [
            explanation
            for account, endpoints in by_account
            for explanation in self._explained(event, account, list(endpoints))
        ]

    async def _wait_reached(self) -> None:
        """The tables are as they were when the request came, or newer."""
        try:
            async with asyncio.timeout(TABLES_SECONDS):
                ends = await self.table_logs.ends()
                await self.reach.wait_reached(ends.positions)
        except TimeoutError as exc:
            raise unavailable("Kafka has not told how the tables are.") from exc

    def _endpoints(self, event: Event, piece: Piece) -> list[Endpoint]:
        directory = self.tables.directory
        found = (
            endpoint
            for account in self._accounts(event)
            for endpoint_id in directory.endpoints_of(account)
            if endpoint_id > piece.after
            and (endpoint := directory.endpoint(endpoint_id)) is not None
            and endpoint.status is not EndpointStatus.REMOVED
        )
        return nsmallest(piece.wanted, found, key=lambda endpoint: endpoint.id)

    def _accounts(self, event: Event) -> Iterable[str]:
        if event.account != EVERY_ACCOUNT:
            return (event.account,)
        accounts: set[str] = set()
        for profile in self.tables.profiles.all():
            rules = profile.relations
            if rules is not None and concerns(rules, event.type):
                try:
                    accounts.update(self.tables.stars.accounts(company_of(rules, event)))
                except NoSubject:
                    continue  # a subject of another profile's
        return accounts

    def _explained(
        self, event: Event, account: str, endpoints: Sequence[Endpoint]
    ) -> list[Explanation]:
        tables = self.tables
        view = AccountView(
            tables.directory.account(account), endpoints, tables.profiles.get, tables.stars.star
        )
        return explain(event, view)
