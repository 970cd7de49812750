"""How the sender sends: what it asks of whoever carries its requests and its mails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.domain.delivery import Delivery
    from pipeline.domain.letters import Letter
    from pipeline.ports import Parcel, Sent

Headers = tuple[tuple[str, str], ...]


class Posting(Protocol):
    """A request or a mail on its way."""

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


class Letterbox(Protocol):
    """Takes mails to the operator's mail server."""

    @property
    def domain(self) -> str:
        """Of the sender's address."""
        ...

    def post(self, letter: Letter, on_end: Callable[[], None], /) -> Posting:
        """Send it; `on_end` as a destination calls it.

        A mail whose recipient or content the server refused is `refused`, with the server's code;
        one that could not be handed over for another reason is `unreachable` or `timed_out`.
        """
        ...


class Way(Protocol):
    """How one version of an endpoint is sent to."""

    def headers(self, delivery: Delivery, /, *, now_ms: int) -> Headers:
        """Those of an attempt that starts now, but for the ones that are the same for all."""
        ...

    def post(self, headers: Headers, delivery: Delivery, on_end: Callable[[], None], /) -> Posting:
        """Start the attempt with these headers; `on_end` as a destination calls it."""
        ...

    def logged(self, headers: Headers, /) -> dict[str, str]:
        """All headers of an attempt with these of its own, as the log may hold them."""
        ...
