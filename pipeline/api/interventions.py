"""`/v1/deliveries/{id}/retry-now` and `DELETE`: what is asked for a delivery that waits."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from pipeline.api.action_notes import ActionNotes
from pipeline.api.caller import Caller, FromCaller
from pipeline.api.deliveries import TAG, DeliveryId, SeenLog
from pipeline.api.endpoint_models import AcceptedDelivery
from pipeline.api.endpoints import EndpointId
from pipeline.api.problem_responses import problem_responses
from pipeline.api.problems import Problem, conflict
from pipeline.api.receiving import Receiving, answered_in_time
from pipeline.api.sent_requests import SentRequests
from pipeline.api.store_work import in_thread
from pipeline.api.waiting import WaitingPorts, check_waits
from pipeline.delivery_log import Status, StoredDelivery
from pipeline.domain.calling_forward import called_forward
from pipeline.domain.delivery import Delivery
from pipeline.domain.delivery_state import State
from pipeline.domain.endpoint import Endpoint, EndpointStatus, Order
from pipeline.domain.interventions import EVERY_ATTEMPT, Intervention, Kind, header_of
from pipeline.flow import Emit

SOON_MS: Final = 1_000
"""A retry that is due within this is let alone: its owner may hold it already."""
TOLD_SECONDS: Final = 2.0
"""So long an answer waits to hear what became of a delivery that is dropped."""

_UNFINISHED: Final = frozenset({Status.PENDING, Status.RETRYING, Status.HELD})


@dataclass(frozen=True, slots=True)
class InterventionPorts:
    """What is asked for with."""

    log: SeenLog
    sent: SentRequests
    receiving: Receiving
    waiting: WaitingPorts
    notes: ActionNotes
    encode: Callable[[Intervention], bytes]
    topic: str


def router(ports: InterventionPorts) -> APIRouter:
    """The routes."""
    intervening = _Intervening(ports)
    routes = APIRouter(tags=[TAG])

    @routes.post(
        "/v1/deliveries/{delivery}/retry-now",
        operation_id="retryDeliveryNow",
        summary="Make the next attempt of a delivery at once, and not when it would be due.",
        description=(
            "Later attempts are due as after any other. Behind an open circuit, a rate limit or"
            " what came before it waits its turn. 409 where it waits for no retry: it is delivered,"
            " dead, dropped, or due anyway."
        ),
        status_code=202,
        responses=problem_responses(403, 404, 409, 410),
    )
    async def retry_delivery_now(delivery: DeliveryId, caller: FromCaller) -> AcceptedDelivery:
        caller.check_writes()
        await intervening.retry_now(caller, delivery)
        return AcceptedDelivery(id=delivery)

    @routes.delete(
        "/v1/deliveries/{delivery}",
        operation_id="dropDelivery",
        summary="Drop what is not sent yet: no attempt of it begins any more.",
        description=(
            "It becomes a dead letter with the reason `dropped`. 409 where nothing is left to be"
            " dropped: it is delivered or dead, or was being sent and came to its end."
        ),
        status_code=204,
        response_class=Response,
        responses=problem_responses(403, 404, 409),
    )
    async def drop_delivery(delivery: DeliveryId, caller: FromCaller) -> None:
        caller.check_writes()
        await intervening.drop(caller, delivery)

    @routes.delete(
        "/v1/endpoints/{endpoint}/waiting/{delivery}",
        operation_id="dropWaiting",
        summary="Drop what waits for an endpoint, also what nobody has tried yet.",
        description=(
            "As `DELETE /v1/deliveries/{delivery}`; what was never tried is looked for in Kafka,"
            " and is in the log of deliveries once its sender has come to it."
        ),
        status_code=204,
        response_class=Response,
        responses=problem_responses(403, 404, 409),
    )
    async def drop_waiting(endpoint: EndpointId, delivery: DeliveryId, caller: FromCaller) -> None:
        caller.check_writes()
        await intervening.drop_waiting(caller, endpoint, delivery)

    return routes


class _Intervening:
    """Says in the table what is wanted, and then calls a copy forward to the endpoint's owner.

    Nothing but the table decides: whoever meets a copy looks there. So a request that is repeated,
    or made by two at once, or broken off between its two steps, neither loses nor doubles anything.
    """

    def __init__(self, ports: InterventionPorts) -> None:
        self._ports = ports
        self._table = ports.receiving.tables.interventions

    async def retry_now(self, caller: Caller, delivery_id: str) -> None:
        """Raises Problem: 404, 409, 410, 503."""
        stored = await in_thread(self._ports.log.delivery, caller, delivery_id)
        self._check_waits_for_retry(stored)
        async with answered_in_time():
            endpoint, _ = await self._ports.receiving.receiver(caller, stored.endpoint)
            copy = await self._copy(stored, endpoint)
            if self._table.is_superseded(stored.id, copy.attempt):
                raise conflict("It was tried this moment.")
            asked = Intervention(stored.id, endpoint.id, Kind.RETRY_NOW, copy.attempt)
            await self._ask(asked)
            await self._call_forward(copy, endpoint, because=asked)
        await self._note(caller, asked, account=stored.account)

    async def drop(self, caller: Caller, delivery_id: str) -> None:
        """Raises Problem: 404, 409, 503."""
        stored = await in_thread(self._ports.log.delivery, caller, delivery_id)
        if stored.status not in _UNFINISHED:
            raise conflict(f"The delivery is {stored.status}: nothing of it waits.")
        async with answered_in_time():
            asked = Intervention(stored.id, stored.endpoint, Kind.DROP, EVERY_ATTEMPT)
            await self._ask(asked)
            endpoint = self._ports.receiving.tables.directory.endpoint(stored.endpoint)
            if endpoint is not None and endpoint.status is EndpointStatus.ACTIVE:
                await self._hurry(stored, endpoint, because=asked)
                await self._check_not_ended(stored.id)
            await in_thread(self._ports.receiving.rows.drop, stored)
        await self._note(caller, asked, account=stored.account)

    async def drop_waiting(self, caller: Caller, endpoint_id: str, delivery_id: str) -> None:
        """Raises Problem: 404, 409, 503."""
        try:
            await self.drop(caller, delivery_id)
        except Problem as problem:
            if problem.status != HTTPStatus.NOT_FOUND:
                raise
            # Only what was tried, or asked for, has a row.
            waiting = self._ports.waiting
            account = await in_thread(check_waits, waiting, caller, endpoint_id, delivery_id)
            asked = Intervention(delivery_id, endpoint_id, Kind.DROP, EVERY_ATTEMPT)
            async with answered_in_time():
                await self._ask(asked)
            await self._note(caller, asked, account=account)

    async def _note(self, caller: Caller, asked: Intervention, *, account: str) -> None:
        await self._ports.notes.note(
            caller,
            asked.kind,
            subject=asked.delivery,
            account=account,
            asked={"endpoint": asked.endpoint},
        )

    def _check_waits_for_retry(self, stored: StoredDelivery) -> None:
        """Raises Problem (409)."""
        if stored.status not in _UNFINISHED:
            raise conflict(f"The delivery is {stored.status}: it waits for no retry.")
        if self._table.is_dropped(stored.id):
            raise conflict("The delivery is dropped: it waits for no retry.")
        due_at_ms = stored.next_attempt_at_ms
        if due_at_ms is None:
            raise conflict("The delivery waits for its first attempt, which is due already.")
        if due_at_ms <= self._ports.log.now_ms() + SOON_MS:
            raise conflict("The retry is due: it is being sent, or waits its turn.")

    async def _copy(self, stored: StoredDelivery, endpoint: Endpoint) -> Delivery:
        """Raises Problem: 409, 410, 503."""
        tried = await self._ports.sent.of(stored)
        if tried.endpoint != endpoint.id:
            raise conflict("What was sent went to another endpoint.")
        return called_forward(tried, attempts=stored.attempts, created_at_ms=stored.created_at_ms)

    async def _hurry(
        self, stored: StoredDelivery, endpoint: Endpoint, *, because: Intervention
    ) -> None:
        """What waits in a tier is found dropped at once, where what was sent can still be read."""
        try:
            copy = await self._copy(stored, endpoint)
        except Problem as problem:
            if problem.status not in {HTTPStatus.CONFLICT, HTTPStatus.GONE}:
                raise
        else:
            await self._call_forward(copy, endpoint, because=because)

    async def _ask(self, asked: Intervention) -> None:
        """Return when Kafka has it and this process has read it."""
        ports = self._ports
        emit = Emit(ports.topic, ports.encode(asked), asked.key)
        await ports.receiving.event_log.publish([emit])
        await ports.receiving.reach.wait_until(lambda: self._is_told(asked))

    def _is_told(self, asked: Intervention) -> bool:
        if asked.kind == Kind.DROP:
            return self._table.is_dropped(asked.delivery)
        return self._table.is_to_be_tried_now(asked.delivery, asked.attempt)

    async def _call_forward(
        self, copy: Delivery, endpoint: Endpoint, *, because: Intervention
    ) -> None:
        offset = self._table.offset_of(because.key)
        if endpoint.order is Order.STRICT or offset is None:
            return  # all of a strict topic waits in it, where its owner finds it by the table
        receiving = self._ports.receiving
        value = receiving.encode_delivery(copy)
        key, headers = endpoint.id.encode(), [header_of(offset)]
        await receiving.event_log.publish([Emit(endpoint.topic, value, key, headers)])

    async def _check_not_ended(self, delivery_id: str) -> None:
        """Raises Problem (409): it was being sent, and has come to another end."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TOLD_SECONDS):
                reach = self._ports.receiving.reach
                await reach.wait_until(lambda: self._ended(delivery_id) is not None)
        ended = self._ended(delivery_id)
        if ended not in {None, State.DROPPED.status}:
            raise conflict(f"The delivery was being sent, and is {ended} now.")

    def _ended(self, delivery_id: str) -> str | None:
        outcome = self._table.outcome(delivery_id)
        return None if outcome is None else outcome.ended
