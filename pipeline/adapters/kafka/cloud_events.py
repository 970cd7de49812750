"""CloudEvents 1.0 in Kafka records, binary and structured mode (its Kafka protocol binding).

* `account` is an extension attribute (`ce_account` in binary mode), and required; the source's
  `event` in topics.yaml can name another one, for type, subject and time too.
* A CloudEvent is identified by its source and its id together, so the event's id is both, with a
  space between; a hash of them where that would be longer than ids may be.
* `source`, `dataschema` and all other extension attributes become metadata under their own names.
* Data is JSON, or text, which becomes a JSON string; none is `null`.
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from pipeline.adapters.kafka.attribute_mapping import OWN_ATTRIBUTES, AttributeMapping
from pipeline.adapters.kafka.source_record import bounded_id, time_us, written_us
from pipeline.domain.event import Event
from pipeline.domain.event_rules import RefusedEvent, check_data
from pipeline.flow import Record

_CONTENT_TYPE: Final = "content-type"
_PREFIX: Final = "ce_"
_STRUCTURED: Final = b"application/cloudevents"
_VERSION: Final = "1.0"
_NOT_METADATA: Final = frozenset(("datacontenttype", "id", "specversion"))
_LITERALS: Final = {b"true": "true", b"false": "false"}
_UTF8: Final = frozenset(("", "utf-8", "utf8", "us-ascii", "ascii"))
_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TEXT: Final = msgspec.json.Decoder(str)

Headers = Sequence[tuple[str, bytes | None]]


class _CloudEvent(NamedTuple):
    attributes: Mapping[str, str]
    data: bytes


def is_cloud_event(headers: Headers) -> bool:
    """Whether a record says that it is a CloudEvent, of whatever version and form."""
    return any(
        name == "ce_specversion" or (name.lower() == _CONTENT_TYPE and _is_structured(value or b""))
        for name, value in headers
    )


def event_of_cloud_event(record: Record, mapping: AttributeMapping = OWN_ATTRIBUTES) -> Event:
    """The event; its members are not checked, its data is.

    Raises:
        RefusedEvent: it is no CloudEvent 1.0, or an attribute is missing or not as it must be.
    """
    headers = record.headers or []
    content_type = _content_type(headers)
    if _is_structured(content_type.encode()):
        cloud_event = _structured(record.value or b"", content_type)
    else:
        cloud_event = _binary(record.value or b"", headers, content_type)
    attributes = cloud_event.attributes
    if attributes.get("specversion") != _VERSION:
        raise RefusedEvent("specversion", f"only {_VERSION} is read")
    no_metadata = _NOT_METADATA | mapping.attributes
    members = mapping.found_in(record, attributes, cloud_event.data)
    time = members.time
    return Event(
        _identity(_required(attributes, "source"), _required(attributes, "id")),
        members.type,
        members.account,
        written_us(record) if time is None else time_us(time),
        cloud_event.data,
        members.subject,
        {name: text for name, text in attributes.items() if name not in no_metadata},
    )


def _binary(value: bytes, headers: Headers, content_type: str) -> _CloudEvent:
    attributes: dict[str, str] = {}
    for header, content in headers:
        if not header.startswith(_PREFIX) or content is None:
            continue
        name = header.removeprefix(_PREFIX)
        if name in attributes:
            raise RefusedEvent(header, "there twice")
        attributes[name] = _utf8(content, member=header)
    return _CloudEvent(attributes, _json_data(value, content_type))


def _structured(value: bytes, content_type: str) -> _CloudEvent:
    if _media_type(content_type) != "application/cloudevents+json":
        raise RefusedEvent(_CONTENT_TYPE, "of the structured forms only JSON is read, one a record")
    _utf8(value, member="the record")
    try:
        members = _MEMBERS.decode(value)
    except msgspec.MsgspecError as exc:
        raise RefusedEvent("the record", f"not a CloudEvent: {exc}") from exc
    except RecursionError as exc:
        raise RefusedEvent("data", "nested too deep") from exc
    data, encoded = members.pop("data", None), members.pop("data_base64", None)
    attributes = {
        name: text
        for name, member in members.items()
        if (text := _attribute(name, bytes(member))) is not None
    }
    if encoded is None:
        return _CloudEvent(attributes, b"null" if data is None else bytes(data))
    if data is not None:
        raise RefusedEvent("data_base64", "there beside data: leave one of them out")
    content = _from_base64(_attribute("data_base64", bytes(encoded)) or "")
    return _CloudEvent(attributes, _json_data(content, attributes.get("datacontenttype", "")))


def _attribute(name: str, member: bytes) -> str | None:
    """An attribute's text; whole numbers and booleans as they are written, null as if absent."""
    if member == b"null":
        return None
    if member.startswith(b'"'):
        return _TEXT.decode(member)
    digits = member.removeprefix(b"-")
    if digits.isdigit():
        return member.decode()
    if member not in _LITERALS:
        raise RefusedEvent(name, "attributes are text, whole numbers or booleans")
    return _LITERALS[member]


def _json_data(content: bytes, content_type: str) -> bytes:
    media_type = _media_type(content_type)
    if not content:
        return b"null"
    if media_type in ("", "application/json", "text/json") or media_type.endswith("+json"):
        check_data(content)
        return content
    charset = content_type.lower().partition("charset=")[2].strip().strip('"')
    if not media_type.startswith("text/") or charset not in _UTF8:
        raise RefusedEvent(
            "datacontenttype", f"{content_type!r}: only JSON and text in UTF-8 are sent"
        )
    return msgspec.json.encode(_utf8(content, member="data"))


def _from_base64(text: str) -> bytes:
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError as exc:
        raise RefusedEvent("data_base64", f"not base64: {exc}") from exc


def _identity(source: str, own_id: str) -> str:
    # A URI has no space, so no two pairs look the same; one that has is written as URIs write it.
    return bounded_id(f"{source.replace(' ', '%20')} {own_id}")


def _required(attributes: Mapping[str, str], name: str) -> str:
    value = attributes.get(name)
    if not value:
        raise RefusedEvent(name, "the attribute is missing or empty")
    return value


def _content_type(headers: Headers) -> str:
    for name, value in headers:
        if name.lower() == _CONTENT_TYPE and value is not None:
            return _utf8(value, member=_CONTENT_TYPE).strip()
    return ""


def _is_structured(content_type: bytes) -> bool:
    return content_type.lstrip().lower().startswith(_STRUCTURED)


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _utf8(content: bytes, *, member: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as exc:
        raise RefusedEvent(member, f"byte {exc.start} is not UTF-8") from exc
