"""Which attributes of a CloudEvent an event's members are taken from, where they are not its own.

The same for both forms: an attribute is a header `ce_<name>` in binary mode, and a member of the
document in structured mode.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from pipeline.adapters.kafka.event_mapping import FieldOf, Fixed, HeaderOf, member_text
from pipeline.domain.event_rules import RefusedEvent
from pipeline.flow import Record


class AttributeOf(NamedTuple):
    """The text of an attribute, extensions included."""

    name: str


AttributeOrigin = AttributeOf | HeaderOf | FieldOf | Fixed
"""A field is one of the data."""


class AttributeMapping(NamedTuple):
    """Where each member comes from; what is not said stays the attribute of the same name."""

    account: AttributeOrigin = AttributeOf("account")
    type: AttributeOrigin = AttributeOf("type")
    subject: AttributeOrigin = AttributeOf("subject")
    time: AttributeOrigin = AttributeOf("time")

    @property
    def attributes(self) -> frozenset[str]:
        """Those that become members, and no metadata."""
        origins = (self.account, self.type, self.subject, self.time)
        return frozenset(each.name for each in origins if isinstance(each, AttributeOf))

    def found_in(self, record: Record, attributes: Mapping[str, str], data: bytes) -> FoundMembers:
        """What the record has of them."""
        return FoundMembers(self, record, attributes, data)


class FoundMembers:
    """Members of one CloudEvent, by its mapping."""

    __slots__ = ("_attributes", "_data", "_mapping", "_record")

    def __init__(
        self,
        mapping: AttributeMapping,
        record: Record,
        attributes: Mapping[str, str],
        data: bytes,
    ) -> None:
        self._mapping = mapping
        self._record = record
        self._attributes = attributes
        self._data = data

    @property
    def account(self) -> str:
        return self._required("account", self._mapping.account)

    @property
    def type(self) -> str:
        return self._required("type", self._mapping.type)

    @property
    def subject(self) -> str | None:
        return self._text("subject", self._mapping.subject)

    @property
    def time(self) -> str | None:
        return self._text("time", self._mapping.time)

    def _required(self, member: str, origin: AttributeOrigin) -> str:
        text = self._text(member, origin)
        if not text:
            raise RefusedEvent(member, f"{_shown(member, origin)} is missing or empty")
        return text

    def _text(self, member: str, origin: AttributeOrigin) -> str | None:
        if isinstance(origin, AttributeOf):
            return self._attributes.get(origin.name)
        return member_text(self._record, self._data, member, origin)


def _shown(member: str, origin: AttributeOrigin) -> str:
    if isinstance(origin, AttributeOf):
        is_own = origin.name == member
        return "the attribute" if is_own else f"the attribute {origin.name}"
    if isinstance(origin, HeaderOf):
        return f"the header {origin.name}"
    if isinstance(origin, FieldOf):
        return f"the data's field {'.'.join(origin.path)}"
    return "the value of topics.yaml"


OWN_ATTRIBUTES: Final = AttributeMapping()
"""Where topics.yaml says nothing."""
