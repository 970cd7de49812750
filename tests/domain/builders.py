"""Values for tests, valid unless a test says otherwise."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from pipeline.adapters.profile_files import SHIPPED, read_profile_file
from pipeline.domain.endpoint import BodyChoice
from pipeline.domain.event import Event
from pipeline.domain.event_values import EventValues
from pipeline.domain.profile import Profile
from pipeline.domain.rendering import RenderedBody, compile_body, render

SAMPLES = Path(__file__).parents[2] / "pipeline" / "demo" / "samples"
EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
NOON = "2026-03-02T12:00:00Z"


def time_us(text: str) -> int:
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)


def an_event(data: str | bytes = "{}", **changes: object) -> Event:
    event = Event(
        id="evt_1",
        type="person.created",
        account="acme",
        time_us=time_us(NOON),
        data=data.encode() if isinstance(data, str) else data,
    )
    return event._replace(**changes)


def a_sample(name: str) -> Event:
    """One of the sample events that ship with the demonstration."""
    members = msgspec.json.decode((SAMPLES / name).read_bytes(), type=dict[str, msgspec.Raw])

    def text(member: str) -> str:
        return msgspec.json.decode(members[member], type=str)

    return an_event(
        bytes(members["data"]),
        type=text("type"),
        account=text("account"),
        time_us=time_us(text("time")),
        subject=text("subject") if "subject" in members else None,
    )


def shipped_profile(name: str) -> Profile:
    return read_profile_file(SHIPPED / f"{name}.yaml")


def rendered(
    profile: Profile, event: Event, choice: BodyChoice | None = None, *, endpoint: str = "ep_1"
) -> RenderedBody:
    body = compile_body(profile, choice or BodyChoice())
    return render(body, EventValues(event), endpoint_id=endpoint, webhook_id="msg_1")


def rendered_text(template: str, event: Event, *, profile: str = "standard-webhooks") -> str:
    choice = BodyChoice(template=template)
    return rendered(shipped_profile(profile), event, choice).body.decode()
