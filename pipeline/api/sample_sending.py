"""Sends an endpoint a sample: one delivery of its own, that no other endpoint gets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec
from fastapi import APIRouter

from pipeline.api.action_notes import ActionNotes
from pipeline.api.caller import Caller, FromCaller
from pipeline.api.endpoint_models import AcceptedDelivery, SampleRequest
from pipeline.api.endpoints import TAG, EndpointId
from pipeline.api.problem_responses import problem_responses
from pipeline.api.problems import FieldError, invalid
from pipeline.api.receiving import Receiving, answered_in_time
from pipeline.api.store_work import in_thread
from pipeline.domain.body_problem import BodyProblem
from pipeline.domain.delivery import Delivery
from pipeline.domain.document import DocumentError
from pipeline.domain.endpoint import Endpoint
from pipeline.domain.event import Event
from pipeline.domain.event_rules import RefusedEvent, check_data, check_members
from pipeline.domain.identifiers import new_id
from pipeline.domain.json_text import json_text_of
from pipeline.domain.profile import Profile
from pipeline.domain.sample_delivery import sample_delivery
from pipeline.domain.sample_events import SampleEvent, SampleEvents, UnknownEventType
from pipeline.registry import Registry

_ENTROPY_BYTES: Final = 10
_US_PER_MS: Final = 1_000


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
    """The route."""
    sending = _SampleSending(ports)
    routes = APIRouter(tags=[TAG])

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

    def __init__(self, ports: SamplePorts) -> None:
        self._ports = ports

    async def send(self, caller: Caller, endpoint_id: str, given: SampleRequest) -> str:
        """The delivery's id, once it is in the log and Kafka has it. Raises Problem."""
        receiving = self._ports.receiving
        async with answered_in_time():
            endpoint, profile = await receiving.receiver(caller, endpoint_id)
            delivery = await in_thread(self._delivery, endpoint, profile, given)
            await receiving.send(delivery, endpoint)
        await ActionNotes(self._ports.registry).note(
            caller,
            "sample",
            subject=endpoint.id,
            account=endpoint.account,
            asked={"delivery": delivery.delivery_id, "type": delivery.event_type},
        )
        return delivery.delivery_id

    def _delivery(self, endpoint: Endpoint, profile: Profile, given: SampleRequest) -> Delivery:
        sample = self._sample(profile, given)
        now_ms = self._ports.now_ms()
        event = Event(
            id=new_id("evt", now_ms=now_ms, entropy=self._ports.random_bytes(_ENTROPY_BYTES)),
            type=sample.type,
            account=endpoint.account,
            time_us=now_ms * _US_PER_MS,
            data=sample.data,
            subject=sample.subject,
            metadata=sample.metadata,
        )
        try:
            check_members(event)
            check_data(event.data)
            return sample_delivery(event, endpoint, profile)
        except RefusedEvent as exc:
            raise invalid([FieldError(f"/{exc.member}", exc.problem)]) from exc
        except BodyProblem as exc:
            raise invalid([FieldError("/data", str(exc))]) from exc

    def _sample(self, profile: Profile, given: SampleRequest) -> SampleEvent:
        try:
            sample = self._ports.samples.sample_event(profile, event_type=given.type)
        except UnknownEventType as exc:
            raise invalid([FieldError("/type", str(exc))]) from exc
        data = self._data(given, sample.type)
        if data is None:
            return sample
        return SampleEvent(sample.type, data, sample.subject, sample.metadata)

    def _data(self, given: SampleRequest, event_type: str) -> bytes | None:
        """What was given, or the sample of an operator's description; None: the profile's."""
        if "data" in given.model_fields_set:
            try:
                return json_text_of(given.data, "/data").encode()
            except DocumentError as exc:
                raise invalid([FieldError(exc.pointer, exc.text)]) from exc
        with self._ports.registry.reading() as reader:
            described = reader.event_type(event_type)
        if described is None or described.sample is None:
            return None
        return msgspec.json.format(described.sample.encode(), indent=-1)
