"""Sends an endpoint a sample: one delivery of its own, that no other endpoint gets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fastapi import APIRouter

from pipeline.api.action_notes import ActionNotes
from pipeline.api.body_preview import PreviewPorts, add_previews
from pipeline.api.caller import Caller, FromCaller
from pipeline.api.endpoint_models import AcceptedDelivery, SampleRequest
from pipeline.api.endpoints import TAG, EndpointId
from pipeline.api.problem_responses import problem_responses
from pipeline.api.receiving import Receiving, answered_in_time
from pipeline.api.sample_making import SampleMaking
from pipeline.api.store_work import in_thread
from pipeline.domain.sample_events import SampleEvents
from pipeline.registry import Registry


@dataclass(frozen=True, slots=True)
class SamplePorts:
    """What samples are made and sent with."""

    registry: Registry
    """Where operators described event types, with samples of theirs."""
    receiving: Receiving
    samples: SampleEvents
    now_ms: Callable[[], int]
    random_bytes: Callable[[int], bytes]


def router(ports: SamplePorts) -> APIRouter:
    """The routes, and those of what would be sent."""
    making = SampleMaking(ports.registry, ports.samples, ports.now_ms, ports.random_bytes)
    sending = _SampleSending(ports, making)
    routes = APIRouter(tags=[TAG])
    add_previews(routes, PreviewPorts(making, ports.receiving.tables))

    @routes.post(
        "/v1/endpoints/{endpoint}/test",
        operation_id="testEndpoint",
        summary="Send an endpoint a sample event, whatever types and filter it asked for.",
        description=(
            "The sample is the event type's own, or its profile's. What it is sent is signed and"
            " retried as always, and has the cause `test`."
        ),
        status_code=202,
        response_model=AcceptedDelivery,
        responses=problem_responses(403, 404, 409),
    )
    async def test_endpoint(
        endpoint: EndpointId, caller: FromCaller, body: SampleRequest | None = None
    ) -> dict[str, str]:
        caller.check_writes()
        return {"id": await sending.send(caller, endpoint, body or SampleRequest())}

    return routes


class _SampleSending:
    """Works by the tables, as the router does."""

    def __init__(self, ports: SamplePorts, making: SampleMaking) -> None:
        self._ports = ports
        self._making = making

    async def send(self, caller: Caller, endpoint_id: str, given: SampleRequest) -> str:
        """The delivery's id, once it is in the log and Kafka has it. Raises Problem."""
        receiving = self._ports.receiving
        async with answered_in_time():
            endpoint, profile = await receiving.receiver(caller, endpoint_id)
            delivery = await in_thread(self._making.delivery, endpoint, profile, given)
            await receiving.send(delivery, endpoint)
        await ActionNotes(self._ports.registry).note(
            caller,
            "sample",
            subject=endpoint.id,
            account=endpoint.account,
            asked={"delivery": delivery.delivery_id, "type": delivery.event_type},
        )
        return delivery.delivery_id
