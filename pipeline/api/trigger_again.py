"""`POST /v1/deliveries/{id}/trigger`: sends what was sent before again, as a new delivery."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Header

from pipeline.api.action_notes import ActionNotes
from pipeline.api.caller import Caller, FromCaller
from pipeline.api.deliveries import TAG, DeliveryId, SeenLog
from pipeline.api.endpoint_models import AcceptedDelivery
from pipeline.api.problem_responses import problem_responses
from pipeline.api.problems import conflict
from pipeline.api.receiving import Receiving, answered_in_time
from pipeline.api.repetition import Repeatable, Repetition, read_idempotency_key
from pipeline.api.sent_requests import SentRequests
from pipeline.api.store_work import in_thread
from pipeline.domain.identifiers import new_id, repeatable_trigger_id
from pipeline.domain.triggered import triggered_again

_ENTROPY_BYTES: Final = 10

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="A request that is repeated with the same key is one trigger.",
    ),
]


@dataclass(frozen=True, slots=True)
class TriggerPorts:
    """What deliveries are triggered again with."""

    log: SeenLog
    sent: SentRequests
    receiving: Receiving
    repetition: Repetition
    notes: ActionNotes
    random_bytes: Callable[[int], bytes]


def router(ports: TriggerPorts) -> APIRouter:
    """The route."""
    routes = APIRouter(tags=[TAG])

    @routes.post(
        "/v1/deliveries/{delivery}/trigger",
        operation_id="triggerDelivery",
        summary="Send again what was sent, as a new delivery with the same `webhook-id`.",
        description=(
            "The request has the header `Webhook-Triggered-Again: true`. Each trigger is a delivery"
            " of its own, which is in the log when this is answered; one that is repeated with the"
            " same `Idempotency-Key` is the same."
        ),
        status_code=202,
        response_model=AcceptedDelivery,
        responses=problem_responses(403, 404, 409, 410),
    )
    async def trigger_delivery(
        delivery: DeliveryId, caller: FromCaller, idempotency_key: IdempotencyKey = None
    ) -> dict[str, Any]:
        caller.check_writes()
        await in_thread(ports.log.delivery, caller, delivery)  # nobody is told of others' keys
        if idempotency_key is None:
            now_ms = ports.log.now_ms()
            entropy = ports.random_bytes(_ENTROPY_BYTES)
            trigger_id = new_id("trg", now_ms=now_ms, entropy=entropy)
            return await _trigger(ports, caller, delivery, trigger_id=trigger_id)
        return await _repeatable(ports, caller, delivery, key=idempotency_key)

    return routes


async def _repeatable(
    ports: TriggerPorts, caller: Caller, delivery_id: str, *, key: str
) -> dict[str, Any]:
    key = read_idempotency_key(key.encode("latin-1"))
    trigger_id = repeatable_trigger_id(caller.key_id, key=key, delivery=delivery_id)

    async def act() -> bytes:
        return msgspec.json.encode(
            await _trigger(ports, caller, delivery_id, trigger_id=trigger_id)
        )

    asked = Repeatable(caller.key_id, key, sha256(f"trigger {delivery_id}".encode()).digest())
    return msgspec.json.decode(await ports.repetition.answered(asked, act))


async def _trigger(
    ports: TriggerPorts, caller: Caller, delivery_id: str, *, trigger_id: str
) -> dict[str, Any]:
    """Raises Problem: 404, 409, 410, 503."""
    stored = await in_thread(ports.log.delivery, caller, delivery_id)
    ports.sent.check_kept(stored)
    async with answered_in_time():
        endpoint, _ = await ports.receiving.receiver(caller, stored.endpoint)
        tried = await ports.sent.of(stored)
        if tried.endpoint != endpoint.id:
            raise conflict("What was sent went to another endpoint.")
        again = triggered_again(tried, endpoint, trigger_id=trigger_id)
        await ports.receiving.send(again, endpoint, original=stored.id)
    await ports.notes.note(
        caller,
        "trigger",
        subject=stored.id,
        account=endpoint.account,
        asked={"delivery": again.delivery_id},
    )
    return {"id": again.delivery_id}
