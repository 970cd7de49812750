"""The bodies that have to arrive, written from each product's own documents.

With the standard library alone: nothing here may use what makes them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple, cast

from pipeline.demo.scenario import SampleEvent


class Occurrence(NamedTuple):
    """An event as it was published to one endpoint."""

    event_id: str
    event: SampleEvent
    endpoint: str


Body = Callable[[Occurrence], str]


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def written_again(body: bytes) -> str:
    """What a receiver gets that parses and writes again: `JSON.stringify(JSON.parse(body))`.

    As long as it holds no number that Python and JavaScript write differently; the samples do not.
    """
    return _compact(json.loads(body))


def _twelve_twenty(at: Occurrence) -> str:
    return _compact({"Event": at.event.type, "Data": at.event.data})


def _twelve_build(at: Occurrence) -> str:
    changed, _, action = at.event.type.partition(".")
    return _compact(
        {
            "webhookId": at.endpoint,
            "action": action,
            "object": changed,
            "timestamp": at.event.time,
            "current": at.event.data["current"],
            "previous": at.event.data["previous"],
        }
    )


def _twenty(at: Occurrence) -> str:
    event = at.event
    return _compact({"event": event.type, "data": event.data, "timestamp": event.time})


def _timekit(at: Occurrence) -> str:
    """As PHP's json_encode writes it."""
    return json.dumps(at.event.data, separators=(",", ":")).replace("/", "\\/")


def _calenso(at: Occurrence) -> str:
    event = at.event
    return _compact({"event": event.type, "timestamp": event.time, "data": event.data})


def _calenso_flat(at: Occurrence) -> str:
    flat: dict[str, Any] = {"event": at.event.type, "timestamp": at.event.time}
    return _compact(flat | dict(_leaves("data", at.event.data)))


def _leaves(path: str, value: object) -> Iterator[tuple[str, object]]:
    members: list[tuple[object, object]] = []
    if isinstance(value, dict):
        members = list(cast("dict[object, object]", value).items())
    elif isinstance(value, list):
        members = list(enumerate(cast("list[object]", value)))
    if not members:
        yield path, value
    for name, item in members:
        yield from _leaves(f"{path}.{name}", item)


def _standard_webhooks(at: Occurrence) -> str:
    event = at.event
    return _compact({"type": event.type, "timestamp": event.time, "data": event.data})


def _cloud_event(at: Occurrence) -> str:
    event = at.event
    return _compact(
        {
            "specversion": "1.0",
            "id": at.event_id,
            "source": f"/accounts/{event.account}",
            "type": event.type,
            "subject": event.subject,
            "time": event.time,
            "datacontenttype": "application/json",
            "data": event.data,
        }
    )


BODIES: Final[Mapping[str, Body]] = {
    "twelve-twenty": _twelve_twenty,
    "twelve-build": _twelve_build,
    "twenty": _twenty,
    "timekit": _timekit,
    "calenso": _calenso,
    "calenso-flat": _calenso_flat,
    "standard-webhooks": _standard_webhooks,
    "standard-webhooks-ed25519": _standard_webhooks,
    "cloudevents": _cloud_event,
}
"""By the contract's name in scenario.yaml."""
