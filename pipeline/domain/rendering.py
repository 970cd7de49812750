"""Bodies: an event in the shape that an endpoint's profile or its own template gives it."""

from __future__ import annotations

import string
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import quote

from pipeline.domain.body_problem import OversizeBody
from pipeline.domain.document import DocumentError, below, nearest, shown
from pipeline.domain.endpoint import BodyChoice
from pipeline.domain.event_values import EventValues
from pipeline.domain.flattening import flattened
from pipeline.domain.profile import BodyFormat, Profile
from pipeline.domain.template import Template, compile_template
from pipeline.domain.template_reference import Target, Text, UnknownReference, event_text

MAX_BODY_BYTES: Final = 3 << 20
MAX_HEADER_BYTES: Final = 8 * 1024
"""Of one header's value: what receivers commonly accept."""

_NO_HEADERS: Final[dict[str, str]] = {}
_UNENCODED: Final = "".join(
    set(string.digits + string.ascii_letters + string.punctuation) - set('"%')
)


class RenderedBody(NamedTuple):
    """What is sent, byte for byte. `headers` is not to be changed: bodies may share it."""

    body: bytes
    content_type: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class CompiledBody:
    """A format or an endpoint's own template, ready to render. Compile once, keep."""

    template: Template
    content_type: str
    headers: tuple[tuple[str, Text], ...] = ()
    is_flat: bool = False

    @property
    def is_shared(self) -> bool:
        """Whether it renders the same for every endpoint, so that once per event is enough."""
        return self.template.is_shared


def compile_body(profile: Profile, choice: BodyChoice) -> CompiledBody:
    """The body that an endpoint of a profile has chosen; without a choice the profile's default.

    Raises:
        DocumentError: the profile has no such format, or the template is not one; the pointer
            starts at the endpoint's `body`.
    """
    if choice.template is not None:
        if choice.format is not None:
            raise DocumentError("", "give a format or a template, not both")
        try:
            template = compile_template(choice.template, profile.json_style)
        except DocumentError as exc:
            raise DocumentError(f"/template{exc.pointer}", exc.text) from exc
        return CompiledBody(template, profile.content_type)
    if choice.format is None:
        return compile_format(profile.default_format, profile)
    if choice.format not in profile.formats:
        advice = nearest(choice.format, profile.formats)
        raise DocumentError("/format", f"{shown(choice.format)} is no format here: {advice}")
    return compile_format(profile.formats[choice.format], profile)


def compile_format(body_format: BodyFormat, profile: Profile) -> CompiledBody:
    """One of a profile's formats.

    Raises:
        DocumentError: its template or a header is wrong; the pointer starts at the format.
    """
    try:
        template = compile_template(body_format.template, profile.json_style)
    except DocumentError as exc:
        raise DocumentError(f"/template{exc.pointer}", exc.text) from exc
    return CompiledBody(
        template,
        body_format.content_type,
        headers=tuple((name, _header(name, text)) for name, text in body_format.headers),
        is_flat=body_format.is_flat,
    )


def render(
    body: CompiledBody, values: EventValues, *, endpoint_id: str, webhook_id: str
) -> RenderedBody:
    """The body of one delivery, and the headers that depend on its event.

    Raises:
        UndecodableBody: the event's data cannot be read, or two of its values have one flat key.
        OversizeBody: the data is over 1 MiB, the body over `MAX_BODY_BYTES`, or a header too long.
    """
    target = Target(endpoint_id, webhook_id)
    content = body.template.render(values, target, limit_bytes=MAX_BODY_BYTES)
    if body.is_flat:
        content = flattened(content, limit_bytes=MAX_BODY_BYTES)
    headers = _rendered_headers(body, values) if body.headers else _NO_HEADERS
    return RenderedBody(content, body.content_type, headers)


def _rendered_headers(body: CompiledBody, values: EventValues) -> dict[str, str]:
    """Percent-encoded as the CloudEvents HTTP binding 1.0.2 says, section 3.1.3.2."""
    headers: dict[str, str] = {}
    for name, read in body.headers:
        text = read(values)
        if text is None:
            continue
        value = quote(text, safe=_UNENCODED)
        if len(value) > MAX_HEADER_BYTES:
            raise OversizeBody(
                f"the header {name} would have {len(value)} bytes: at most {MAX_HEADER_BYTES}"
            )
        headers[name] = value
    return headers


def _header(name: str, text: str) -> Text:
    if not text.startswith("$."):
        return lambda _: text
    try:
        return event_text(text)
    except UnknownReference as exc:
        raise DocumentError(below("/headers", name), str(exc)) from exc
