"""What a template can take from an event, each value computed once and written in a JSON style."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

import msgspec

from pipeline.domain.body_problem import BodyProblem, OversizeBody, UndecodableBody
from pipeline.domain.event import Event
from pipeline.domain.json_style import JsonStyle, styled
from pipeline.domain.rfc3339 import InvalidTime, time_text_of

MAX_DATA_BYTES: Final = 1 << 20
"""An event's data."""

_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ITEMS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_MAX_INDEX_DIGITS: Final = 7

Json = bytes | msgspec.Raw
"""JSON text that can be joined."""
Path = tuple[str, ...]
_Container = dict[str, msgspec.Raw] | list[msgspec.Raw] | None


class EventValues:
    """One event as the templates see it. Make one per event: its endpoints share what it holds."""

    __slots__ = ("_containers", "_data", "_problems", "event")

    def __init__(self, event: Event) -> None:
        self.event = event
        self._data: dict[JsonStyle, bytes] = {}
        self._problems: list[BodyProblem] = []
        self._containers: dict[tuple[JsonStyle, Path], _Container] = {}

    def for_account(self, account: str) -> EventValues:
        """The same event as another account's; what is found in its data is found once for both."""
        values = EventValues(self.event._replace(account=account))
        values._data = self._data
        values._problems = self._problems
        values._containers = self._containers
        return values

    def data(self, style: JsonStyle) -> bytes:
        """The whole data in a style.

        Raises:
            UndecodableBody: it is not JSON in UTF-8, or nested too deep.
            OversizeBody: it is longer than `MAX_DATA_BYTES`.
        """
        data = self._data.get(style)
        if data is None:
            data = self._data[style] = self._styled(style)
        return data

    def _styled(self, style: JsonStyle) -> bytes:
        """Data that cannot be read is found out once, not again for every endpoint."""
        if self._problems:
            raise self._problems[0]
        data = self.event.data
        try:
            if len(data) > MAX_DATA_BYTES:
                raise OversizeBody(f"the data has {len(data)} bytes: at most {MAX_DATA_BYTES}")
            return styled(data, style)
        except BodyProblem as problem:
            self._problems.append(problem)
            raise

    def at(self, path: Path, style: JsonStyle) -> Json | None:
        """The value at a path of the data, or None where the path leads nowhere."""
        value: Json | None = self.data(style)
        for depth, step in enumerate(path):
            place = (style, path[:depth])
            if place in self._containers:
                container = self._containers[place]
            else:
                container = self._containers[place] = _opened(bytes(value))
            value = _member(container, step)
            if value is None:
                return None
        return value

    def time(self) -> str:
        """When it occurred, RFC 3339 in UTC, with a fraction (3 or 6 digits) only if not zero.

        Raises:
            UndecodableBody: the year is not 1-9999.
        """
        try:
            return time_text_of(self.event.time_us)
        except InvalidTime as exc:
            raise UndecodableBody(f"time {self.event.time_us} us since 1970: {exc}") from exc

    def source(self) -> str:
        """The account as a URI reference, for receivers that want to know where it comes from."""
        return f"/accounts/{quote(self.event.account, safe='')}"

    def object(self) -> str:
        """What something happened to: the type up to its last dot."""
        return self.event.type.rpartition(".")[0] or self.event.type

    def action(self) -> str | None:
        """What happened: the type after its last dot; None without one."""
        _, dot, action = self.event.type.rpartition(".")
        return action if dot else None

    def metadata(self, style: JsonStyle) -> bytes:
        """All metadata as an object."""
        return styled(msgspec.json.encode(self.event.metadata), style)


def _opened(json: bytes) -> _Container:
    if json.startswith(b"{"):
        return _MEMBERS.decode(json)
    return _ITEMS.decode(json) if json.startswith(b"[") else None


def _member(container: _Container, step: str) -> msgspec.Raw | None:
    if isinstance(container, dict):
        return container.get(step)
    if container is None or not step.isdecimal() or len(step) > _MAX_INDEX_DIGITS:
        return None
    index = int(step)
    return container[index] if index < len(container) and str(index) == step else None
