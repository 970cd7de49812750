"""Every kind of record: an example, and how it is encoded and decoded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from pipeline.domain.endpoint import Account, Endpoint
from pipeline.domain.event import Event
from pipeline.domain.profile_entry import ProfileEntry
from pipeline.domain.relation import Relation
from pipeline.flow import Partition, Record
from tests.kafka.record_values import (
    A_DEAD_LETTER,
    A_DELIVERY,
    A_JOB,
    A_PROFILE,
    A_RELATION,
    A_START_POSITION,
    AN_ACCOUNT,
    AN_ATTEMPT,
    AN_ENDPOINT,
    AN_EVENT,
    AN_INTERVENTION,
    CODEC,
)


class Kind(NamedTuple):
    """One kind of record, with an example."""

    name: str
    value: Any
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]


def decode_account(value: bytes) -> Account:
    return CODEC.decode_account(value, version=0)


def decode_endpoint(value: bytes) -> Endpoint:
    return CODEC.decode_endpoint(value, version=0)


def decode_event(value: bytes) -> Event:
    return CODEC.decode_event(Record(Partition("webhooks.events", 0), 5, None, value, 1_000))


def decode_relation(value: bytes) -> Relation:
    return CODEC.decode_relation(value, version=0)


def encode_profile(entry: ProfileEntry) -> bytes:
    return CODEC.encode_profile(entry.name, entry.document, removed=entry.removed)


def decode_profile(value: bytes) -> ProfileEntry:
    return CODEC.decode_profile(value, version=0)


KINDS = (
    Kind("event", AN_EVENT, CODEC.encode_event, decode_event),
    Kind("delivery", A_DELIVERY, CODEC.encode_delivery, CODEC.decode_delivery),
    Kind("attempts", [AN_ATTEMPT], CODEC.encode_attempts, CODEC.decode_attempts),
    Kind("dead_letter", A_DEAD_LETTER, CODEC.encode_dead_letter, CODEC.decode_dead_letter),
    Kind("position", A_START_POSITION, CODEC.encode_start_position, CODEC.decode_start_position),
    Kind("account", AN_ACCOUNT, CODEC.encode_account, decode_account),
    Kind(
        "endpoint",
        AN_ENDPOINT,
        CODEC.encode_endpoint,
        decode_endpoint,
    ),
    Kind("relation", A_RELATION, CODEC.encode_relation, decode_relation),
    Kind("profile", A_PROFILE, encode_profile, decode_profile),
    Kind("job", A_JOB, CODEC.encode_job, CODEC.decode_job),
    Kind(
        "intervention",
        AN_INTERVENTION,
        CODEC.encode_intervention,
        CODEC.decode_intervention,
    ),
)
