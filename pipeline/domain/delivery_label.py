"""Why deliveries exist, and the ids and headers that follow from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from pipeline.domain.delivery import Cause
from pipeline.domain.identifiers import (
    delivery_id,
    ids_of_new_delivery,
    renewed_webhook_id,
    webhook_id,
)

REPLAY_HEADER: Final = "Webhook-Replay"

WebhookId = Callable[[str, str], str]
"""Of an event's id and an endpoint's."""


class MakeIds(Protocol):
    """Derives a delivery's ids; the same whoever does it and however often."""

    def __call__(self, event_id: bytes, *, endpoint: bytes) -> tuple[bytes, bytes]:
        """The `webhook_id` and the `delivery_id`, encoded."""
        ...


@dataclass(frozen=True, slots=True)
class DeliveryLabel:
    """What all deliveries of one cause share."""

    cause: Cause = Cause.EVENT
    cause_id: str | None = None
    ids: MakeIds = ids_of_new_delivery
    headers: Mapping[str, str] | None = None
    """Of each request."""


BY_EVENT: Final = DeliveryLabel()


def of_replay(replay: str, *, new_ids: bool) -> DeliveryLabel:
    """Of a replay with this id; `new_ids` where receivers are to take it for something new."""
    webhook = partial(_renewed, replay) if new_ids else _known
    return DeliveryLabel(
        Cause.REPLAY, replay, partial(_ids_of_replay, replay, webhook), {REPLAY_HEADER: replay}
    )


def _ids_of_replay(
    replay: str, webhook: WebhookId, event_id: bytes, *, endpoint: bytes
) -> tuple[bytes, bytes]:
    seen = webhook(event_id.decode(), endpoint.decode())
    return seen.encode(), delivery_id(seen, cause=Cause.REPLAY, cause_id=replay).encode()


def _known(event_id: str, endpoint: str) -> str:
    return webhook_id(event_id, endpoint=endpoint)


def _renewed(replay: str, event_id: str, endpoint: str) -> str:
    return renewed_webhook_id(event_id, endpoint=endpoint, replay=replay)
