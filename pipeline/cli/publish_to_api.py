"""The way of `pipeline publish --api`: events through the API, acknowledged in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future

from pipeline.cli.api_access import address_of, key_of
from pipeline.cli.endings import BadInput, CommandFailed
from pipeline.client.api import api_publisher
from pipeline.client.event import Event
from pipeline.client.failures import NotPublished, UnusableOptions
from pipeline.client.publisher import Publisher
from pipeline.domain.event_document import EventDocument
from pipeline.settings import Settings


def publish_to_api(
    settings: Settings,
    events: Iterable[EventDocument],
    *,
    key: str | None,
    on_acknowledged: Callable[[str], None],
) -> None:
    """Up to the first event that is not acknowledged.

    Raises:
        BadInput: the API refused an event, or there is no key.
        CommandFailed: one was not acknowledged in time.
    """
    try:
        publisher = api_publisher(address_of(settings), key or key_of(settings))
    except UnusableOptions as exc:
        raise BadInput(f"PIPELINE_API__...: {exc}") from exc
    try:
        with publisher:
            _send(publisher, events, on_acknowledged)
    except NotPublished as exc:
        if exc.unacknowledged:
            raise CommandFailed(
                f"{exc}. They can be published again with the same ids: receivers recognise them"
            ) from exc
        raise BadInput(*(f"{one.event.id}: {one.reason}" for one in exc.failures)) from exc


def _send(
    publisher: Publisher, events: Iterable[EventDocument], on_acknowledged: Callable[[str], None]
) -> None:
    failed: list[Future[str]] = []

    def tell(future: Future[str]) -> None:
        if future.exception() is None:
            on_acknowledged(future.result())
        else:
            failed.append(future)

    for _, content in events:
        if failed:
            return
        publisher.send(Event.from_json(content)).add_done_callback(tell)
