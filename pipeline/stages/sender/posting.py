"""How the sender sends: what it asks of whoever carries its requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.ports import Parcel, Sent

Headers = tuple[tuple[str, str], ...]


class Posting(Protocol):
    """A request on its way."""

    def result(self) -> Sent:
        """What became of it; to be asked for once, after its end."""
        ...


class Destination(Protocol):
    """Where one version of an endpoint is."""

    def post(self, headers: Headers, body: bytes, on_end: Callable[[], None], /) -> Posting:
        """Send a request with these headers beside those of the destination.

        `on_end` is called once, on the event loop. It may take note of the end and nothing else:
        what raises there is lost.
        """
        ...


class Destinations(Protocol):
    """Opens destinations; whatever is wrong with one is the result of each request to it."""

    def destination(self, parcel: Parcel, *, acknowledged: frozenset[int]) -> Destination:
        """Where requests like this one go, each with headers and a body of its own.

        An answer of a status in `acknowledged` is `accepted`, of any other `refused`. Of an
        accepted one nothing is kept but the status and the total time.
        """
        ...
