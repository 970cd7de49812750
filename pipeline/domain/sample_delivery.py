"""A delivery that no event of a topic caused: a sample, made for one endpoint alone."""

from __future__ import annotations

from typing import Final

from pipeline.domain.delivery import Cause, Delivery, Position
from pipeline.domain.endpoint import Endpoint
from pipeline.domain.event import Event
from pipeline.domain.event_values import EventValues
from pipeline.domain.identifiers import delivery_id, webhook_id
from pipeline.domain.profile import Profile
from pipeline.domain.rendering import compile_body, render

NOWHERE: Final = Position("", -1, -1)
"""The event lies in no topic."""


def sample_delivery(event: Event, endpoint: Endpoint, profile: Profile) -> Delivery:
    """What the router would make of the event for this endpoint, whatever it asked for.

    Raises:
        BodyProblem: the endpoint's body cannot be made of this event.
    """
    webhook = webhook_id(event.id, endpoint=endpoint.id)
    body = compile_body(profile, endpoint.body)
    rendered = render(body, EventValues(event), endpoint_id=endpoint.id, webhook_id=webhook)
    return Delivery(
        delivery_id=delivery_id(webhook, cause=Cause.TEST, cause_id=None),
        webhook_id=webhook,
        endpoint=endpoint.id,
        endpoint_version=endpoint.version,
        attempt=1,
        first_attempt_at_ms=None,
        due_at_ms=None,
        parked=0,
        cause=Cause.TEST,
        cause_id=None,
        account=endpoint.account,
        event_id=event.id,
        event_type=event.type,
        subject=event.subject,
        occurred_at_us=event.time_us,
        body=rendered.body,
        content_type=rendered.content_type,
        headers=rendered.headers,
        source=NOWHERE,
    )
