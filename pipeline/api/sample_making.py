"""Deliveries of sample events, as the router would make them; nothing is sent here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from pipeline.api.endpoint_models import SampleRequest
from pipeline.api.problems import FieldError, invalid
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
class SampleMaking:
    """Blocking: called in threads."""

    registry: Registry
    """Where operators described event types, with samples of theirs."""
    samples: SampleEvents
    now_ms: Callable[[], int]
    random_bytes: Callable[[int], bytes]

    def delivery(self, endpoint: Endpoint, profile: Profile, given: SampleRequest) -> Delivery:
        """Whatever the endpoint asked for. Raises Problem (422)."""
        sample = self._sample(profile, given)
        now_ms = self.now_ms()
        event = Event(
            id=new_id("evt", now_ms=now_ms, entropy=self.random_bytes(_ENTROPY_BYTES)),
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
        except DocumentError as exc:
            raise invalid([FieldError(f"/body{exc.pointer}", exc.text)]) from exc

    def _sample(self, profile: Profile, given: SampleRequest) -> SampleEvent:
        try:
            sample = self.samples.sample_event(profile, event_type=given.type)
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
        with self.registry.reading() as reader:
            described = reader.event_type(event_type)
        if described is None or described.sample is None:
            return None
        return msgspec.json.format(described.sample.encode(), indent=-1)
