"""`/v1/deliveries`: what became of each event at each endpoint, and of each attempt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Path

from pipeline.api.caller import Caller, FromCaller
from pipeline.api.delivery_models import (
    DeliveryBody,
    DeliveryDetail,
    DeliveryList,
    attempt_body,
    delivery_fields,
)
from pipeline.api.listing import FromList, Piece
from pipeline.api.log_filters import FromDeliveryFilter
from pipeline.api.log_pages import page, place_of
from pipeline.api.problem_responses import problem_responses
from pipeline.api.problems import Problem, not_found
from pipeline.api.store_work import in_thread
from pipeline.delivery_log import DeliveryFilter, DeliveryLog, Place, StoredDelivery

TAG: Final = "Deliveries"

DeliveryId = Annotated[
    str,
    Path(pattern="^[A-Za-z0-9_-]{1,64}$", examples=["dlv_0R9D7KXQ6Z3M5V1N8T2W4Y6A8C"]),
]


@dataclass(frozen=True, slots=True)
class SeenLog:
    """The log as callers see it; blocking."""

    log: DeliveryLog
    archived_after_ms: int
    now_ms: Callable[[], int]

    def delivery(self, caller: Caller, delivery_id: str) -> StoredDelivery:
        """Raises Problem (404): there is none, or it is another account's."""
        delivery = self.log.delivery(delivery_id)
        if delivery is None or caller.account not in {None, delivery.account}:
            raise no_delivery(delivery_id)
        return delivery

    def is_archived(self, delivery: StoredDelivery) -> bool:
        """Whether what was sent can be read or sent again no more, by the clock."""
        return delivery.is_archived(self.now_ms(), after_ms=self.archived_after_ms)

    def body(self, delivery: StoredDelivery) -> DeliveryBody:
        return DeliveryBody(**delivery_fields(delivery, is_archived=self.is_archived(delivery)))

    def detail(self, caller: Caller, delivery_id: str) -> DeliveryDetail:
        """Raises Problem (404)."""
        delivery = self.delivery(caller, delivery_id)
        attempts = self.log.attempts(delivery_id)
        return DeliveryDetail(
            **delivery_fields(delivery, is_archived=self.is_archived(delivery)),
            attempt_log=[attempt_body(attempt, caller) for attempt in attempts],
        )

    def list(self, wanted: DeliveryFilter, piece: Piece) -> DeliveryList:
        """Raises Problem (422): the cursor is none."""
        found = self.log.deliveries(wanted, limit=piece.wanted, after=place_of(piece))
        part = page(found, piece, place=lambda one: Place(one.created_at_ms, one.id))
        return DeliveryList(items=[self.body(each) for each in part.items], next=part.next)


def no_delivery(delivery_id: str) -> Problem:
    """404. One text for all of them: nobody learns which ids others have."""
    return not_found(f"There is no delivery {delivery_id}.")


def router(log: SeenLog) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=[TAG])

    @routes.get(
        "/v1/deliveries",
        operation_id="listDeliveries",
        summary="Deliveries, the newest first.",
        description=(
            "Pages stay as they are, whatever comes in meanwhile. `held` are those whose endpoint"
            " or account receives nothing at present."
        ),
        responses=problem_responses(404),
    )
    async def list_deliveries(wanted: FromDeliveryFilter, piece: FromList) -> DeliveryList:
        return await in_thread(log.list, wanted, piece)

    @routes.get(
        "/v1/deliveries/{delivery}",
        operation_id="readDelivery",
        summary="One delivery, with its attempts.",
        responses=problem_responses(404),
    )
    async def read_delivery(delivery: DeliveryId, caller: FromCaller) -> DeliveryDetail:
        return await in_thread(log.detail, caller, delivery)

    return routes
