"""Which endpoint of the tables an entry of a file means: the one of its id, or of its URL.

An endpoint that has no URL is known by its e-mail address.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pipeline.domain.account_document import AccountEntry, EndpointRemoval
from pipeline.domain.change_plan import Tables
from pipeline.domain.document import DocumentError, below
from pipeline.domain.endpoint import Endpoint, EndpointStatus
from pipeline.domain.endpoint_document import EndpointEntry
from pipeline.domain.urls import UrlRefused, parse_url

_SPOKEN: Final = {"url": "URL", "email": "e-mail address"}

_Place = tuple[str, str]
"""An account and a URL in its canonical spelling, or an e-mail address."""


class EndpointMatcher:
    """Finds the present endpoint of each entry, and sees that no two entries mean the same.

    An entry without an id means the account's endpoint with its URL that no other entry names by
    its id. So a file that is applied again finds what it made, ids that it never knew included.
    """

    def __init__(self, entries: Iterable[AccountEntry], tables: Tables) -> None:
        self._present = tables.endpoints
        named = {_id(endpoint) for entry in entries for endpoint in entry.endpoints}
        self._by_place: dict[_Place, list[Endpoint]] = {}
        for endpoint in tables.endpoints.values():
            if endpoint.id not in named and endpoint.status is not EndpointStatus.REMOVED:
                place = (endpoint.account, _target(endpoint)[1])
                self._by_place.setdefault(place, []).append(endpoint)
        self._taken: set[str | _Place] = set()

    def present(self, entry: EndpointEntry | EndpointRemoval) -> Endpoint | None:
        """The endpoint as it is now; None if there is none yet.

        Raises:
            DocumentError: another entry means it too, several could be meant, or the id belongs
                to an endpoint of another account, or to one that was removed.
        """
        return self._of_id(entry) if _id(entry) else self._of_target(entry)

    def _of_id(self, entry: EndpointEntry | EndpointRemoval) -> Endpoint | None:
        pointer = below(entry.pointer, "id")
        self._take(
            _id(entry),
            pointer,
            problem="the id is given twice: give each endpoint an id of its own",
        )
        endpoint = self._present.get(_id(entry))
        if endpoint is None:
            return None
        if endpoint.account != _account(entry):
            raise DocumentError(
                pointer,
                f"is an endpoint of the account {endpoint.account}: choose another id,"
                " an endpoint cannot change its account",
            )
        if endpoint.status is EndpointStatus.REMOVED and isinstance(entry, EndpointEntry):
            raise DocumentError(pointer, "was removed, and no id is used twice: choose another one")
        return endpoint

    def _of_target(self, entry: EndpointEntry | EndpointRemoval) -> Endpoint | None:
        field, target = _target_of(entry)
        pointer = below(entry.pointer, field)
        place = (_account(entry), target)
        self._take(
            place,
            pointer,
            problem=f"the {_SPOKEN[field]} is given twice: give each of the endpoints an id",
        )
        found = self._by_place.get(place, [])
        if len(found) > 1:
            ids = ", ".join(endpoint.id for endpoint in found[:5])
            raise DocumentError(
                pointer,
                f"{len(found)} endpoints have this {_SPOKEN[field]}: write the id of one ({ids})",
            )
        return found[0] if found else None

    def _take(self, name: str | _Place, pointer: str, *, problem: str) -> None:
        if name in self._taken:
            raise DocumentError(pointer, problem)
        self._taken.add(name)


def _id(entry: EndpointEntry | EndpointRemoval) -> str:
    return entry.wanted.id if isinstance(entry, EndpointEntry) else entry.id


def _account(entry: EndpointEntry | EndpointRemoval) -> str:
    return entry.wanted.account if isinstance(entry, EndpointEntry) else entry.account


def _target_of(entry: EndpointEntry | EndpointRemoval) -> tuple[str, str]:
    if isinstance(entry, EndpointRemoval):
        return "url", _canonical(entry.url)
    return _target(entry.wanted)


def _target(endpoint: Endpoint) -> tuple[str, str]:
    """The field that says where it is sent to, and what that says; no URL looks like an address."""
    if endpoint.url is None:
        return "email", endpoint.email or ""
    return "url", _canonical(endpoint.url)


def _canonical(url: str) -> str:
    try:
        return parse_url(url).text
    except UrlRefused:
        return url
