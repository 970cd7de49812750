"""What the router asks of the records' encoding beside what every stage does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pipeline.ports import Records

if TYPE_CHECKING:
    from pipeline.domain.delivery_parts import DeliveryContent, DeliveryStart


class DeliveryRecords(Records, Protocol):
    """Encodes new deliveries in parts, so that what they share is encoded once."""

    def encode_start(self, start: DeliveryStart) -> bytes: ...

    def encode_content(self, content: DeliveryContent) -> bytes: ...

    def join_delivery(self, ids: tuple[bytes, bytes], *, start: bytes, content: bytes) -> bytes:
        """The record that `encode_delivery` makes of the whole.

        `ids` are those of the webhook and of the delivery, as `ids_of_new_delivery` gives them.
        """
        ...
