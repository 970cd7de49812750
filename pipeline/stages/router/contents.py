"""Encoded contents of one event's deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pipeline.domain.delivery_parts import DeliveryContent
from pipeline.domain.rendering import render
from pipeline.stages.dead_lettering import position_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.domain.event_values import EventValues
    from pipeline.domain.rendering import CompiledBody
    from pipeline.flow import Record
    from pipeline.stages.router.delivery_records import DeliveryRecords

MOST_KEPT_BODIES: Final = 8
"""Of one event, for its next endpoints; each may have 3 MiB."""


class Contents:
    """What is the same for every endpoint that has the same body is made once."""

    __slots__ = ("_headers", "_kept", "_record", "_records", "values")

    def __init__(
        self,
        record: Record,
        values: EventValues,
        records: DeliveryRecords,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.values = values
        self._headers = headers
        """Of every delivery, beside those that its body brings."""
        self._record = record
        self._records = records
        self._kept: dict[CompiledBody, bytes] = {}

    def for_account(self, account: str) -> Contents:
        """Those of the same event for the endpoints of an account that it does not name."""
        values = self.values.for_account(account)
        return Contents(self._record, values, self._records, headers=self._headers)

    def of(self, body: CompiledBody, endpoint_id: str, *, webhook: bytes) -> bytes:
        """Raises BodyProblem."""
        content = self._kept.get(body)
        if content is None:
            content = self._made(body, endpoint_id, webhook)
            if body.is_shared and len(self._kept) < MOST_KEPT_BODIES:
                self._kept[body] = content
        return content

    def _made(self, body: CompiledBody, endpoint_id: str, webhook: bytes) -> bytes:
        event = self.values.event
        rendered = render(body, self.values, endpoint_id=endpoint_id, webhook_id=webhook.decode())
        if self._headers:
            rendered = rendered._replace(headers={**rendered.headers, **self._headers})
        return self._records.encode_content(
            DeliveryContent(
                event.account,
                event.id,
                event.type,
                event.subject,
                event.time_us,
                *rendered,
                position_of(self._record),
            )
        )
