"""What a delivery report of librdkafka is worth: one without an offset proves nothing.

The first batch that a producer sends to a partition may be lost although it is reported as
delivered. It is refused while the partition's leader is not ready, and the next one, which was on
its way already, is taken: a broker that knows nothing of a producer takes whatever comes first
(KAFKA-15591; a new topic, a new leader, a new process). The first batch now has numbers that are
behind, as a repetition has, and for one it is taken: a success, at no offset.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaError

if TYPE_CHECKING:
    from confluent_kafka import Message

UNPLACED: Final = KafkaError(
    KafkaError._INCONSISTENT,  # noqa: SLF001 - its public name
    "it was acknowledged, but not where it is: it may be missing",
)
"""Produced again, the record may be there twice; otherwise it may not be there at all."""


def outcome_of(error: KafkaError | None, message: Message) -> KafkaError | None:
    """Why the record is not known to be in its topic; None: it is there."""
    return UNPLACED if error is None and message.offset() is None else error
