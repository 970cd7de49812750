"""Sends an endpoint a sample: one delivery of its own, that no other endpoint gets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec
from fastapi import APIRouter

from pipeline.accepting import EventLog, NotPublished, TableLogs
from pipeline.api.caller import Caller, FromCaller
from pipeline.api.endpoint_access import no_endpoint
from pipeline.api.endpoint_models import AcceptedDelivery, SampleRequest
from pipeline.api.endpoints import TAG, EndpointId
from pipeline.api.problem_responses import problem_responses
from pipeline.api.problems import FieldError, conflict, invalid, unavailable
from pipeline.api.store_work import in_thread
from pipeline.api.table_reach import FollowedTables, TableReach
from pipeline.domain.body_problem import BodyProblem
from pipeline.domain.delivery import Delivery
from pipeline.domain.document import DocumentError
from pipeline.domain.endpoint import Endpoint, EndpointStatus
from pipeline.domain.event import Event
from pipeline.domain.event_rules import RefusedEvent, check_data, check_members
from pipeline.domain.identifiers import new_id
from pipeline.domain.json_text import json_text_of
from pipeline.domain.profile import Profile
from pipeline.domain.sample_delivery import sample_delivery
from pipeline.domain.sample_events import SampleEvent, SampleEvents, UnknownEventType
from pipeline.flow import Emit
from pipeline.registry import Registry

ANSWER_SECONDS: Final = 10.0
_ENTROPY_BYTES: Final = 10
_US_PER_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class SamplePorts:
    """What samples are made and sent with."""

    registry: Registry
    """Where operators described event types, with samples of theirs."""
    tables: FollowedTables
    reach: TableReach
    table_logs: TableLogs
    event_log: EventLog
    samples: SampleEvents
    encode_delivery: Callable[[Delivery], bytes]
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
    """Works by the tables, as the router does; the store is asked for samples alone."""

    def __init__(self, ports: SamplePorts) -> None:
        self._ports = ports

    async def send(self, caller: Caller, endpoint_id: str, given: SampleRequest) -> str:
        """The delivery's id, once Kafka has it. Raises Problem."""
        ports = self._ports
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await ports.reach.wait_reached((await ports.table_logs.ends()).positions)
                endpoint, profile = self._receiving(caller, endpoint_id)
                delivery = await in_thread(self._delivery, endpoint, profile, given)
                value = ports.encode_delivery(delivery)
                await ports.event_log.publish([Emit(endpoint.topic, value, endpoint_id.encode())])
        except (TimeoutError, NotPublished) as exc:
            raise unavailable("Kafka has not acknowledged the sample in time.") from exc
        return delivery.delivery_id

    def _receiving(self, caller: Caller, endpoint_id: str) -> tuple[Endpoint, Profile]:
        """Raises Problem: 404, or 409 where the endpoint would not get it now."""
        tables = self._ports.tables
        endpoint = tables.directory.endpoint(endpoint_id)
        if (
            endpoint is None
            or endpoint.status is EndpointStatus.REMOVED
            or caller.account not in {None, endpoint.account}
        ):
            raise no_endpoint(endpoint_id)
        if endpoint.status is not EndpointStatus.ACTIVE:
            raise conflict(f"The endpoint is {endpoint.status}: activate it first.")
        account = tables.directory.account(endpoint.account)
        if account is not None and not account.webhooks_enabled:
            raise conflict("The account's webhooks are switched off: switch them on first.")
        profile = tables.profiles.get(endpoint.profile)
        if profile is None:
            raise conflict(f"The profile {endpoint.profile} is not there any more.")
        return endpoint, profile

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
