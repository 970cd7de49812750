"""Deliveries that the API itself sends: who may receive them now, and how they get under way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from pipeline.accepting import EventLog, NotPublished, TableLogs
from pipeline.api.caller import Caller
from pipeline.api.endpoint_access import no_endpoint
from pipeline.api.problems import conflict, unavailable
from pipeline.api.store_work import in_thread
from pipeline.api.table_reach import FollowedTables, TableReach
from pipeline.delivery_log import DeliveryRows
from pipeline.domain.delivery import Delivery
from pipeline.domain.delivery_state import Pending
from pipeline.domain.endpoint import Endpoint, EndpointStatus
from pipeline.domain.profile import Profile
from pipeline.flow import Emit

ANSWER_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Receiving:
    """Works by the tables, as the router does."""

    tables: FollowedTables
    reach: TableReach
    table_logs: TableLogs
    rows: DeliveryRows
    event_log: EventLog
    encode_delivery: Callable[[Delivery], bytes]
    now_ms: Callable[[], int]

    async def receiver(self, caller: Caller, endpoint_id: str) -> tuple[Endpoint, Profile]:
        """By all that was answered before this call.

        Raises Problem: 404, or 409 where the endpoint would not get anything now.
        """
        await self.reach.wait_reached((await self.table_logs.ends()).positions)
        endpoint = self.tables.directory.endpoint(endpoint_id)
        if (
            endpoint is None
            or endpoint.status is EndpointStatus.REMOVED
            or caller.account not in {None, endpoint.account}
        ):
            raise no_endpoint(endpoint_id)
        if endpoint.status is not EndpointStatus.ACTIVE:
            raise conflict(f"The endpoint is {endpoint.status}: activate it first.")
        account = self.tables.directory.account(endpoint.account)
        if account is not None and not account.webhooks_enabled:
            raise conflict("The account's webhooks are switched off: switch them on first.")
        profile = self.tables.profiles.get(endpoint.profile)
        if profile is None:
            raise conflict(f"The profile {endpoint.profile} is not there any more.")
        return endpoint, profile

    async def send(
        self, delivery: Delivery, endpoint: Endpoint, *, original: str | None = None
    ) -> None:
        """Return once it is in the log and Kafka has it; in this order, so that none is untold.

        Raises StoreFailed, NotPublished.
        """
        pending = Pending(delivery, self.now_ms(), original)
        await in_thread(self.rows.announce, [pending])
        value = self.encode_delivery(delivery)
        await self.event_log.publish([Emit(endpoint.topic, value, endpoint.id.encode())])


@asynccontextmanager
async def answered_in_time() -> AsyncGenerator[None]:
    """Raises Problem (503) where Kafka has not acknowledged in time what is sent meanwhile."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            yield
    except (TimeoutError, NotPublished) as exc:
        raise unavailable("Kafka has not acknowledged the delivery in time.") from exc
