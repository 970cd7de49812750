"""What an activated endpoint did not get, and what became dead letters, is ordered to be sent."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from pipeline.adapters.kafka.codec import RecordCodec
from pipeline.clock import now_ms
from pipeline.domain.delivery import Reason
from pipeline.domain.endpoint import Endpoint
from pipeline.domain.identifiers import new_id
from pipeline.domain.job import JobKind, JobOrder, order_record
from pipeline.domain.topology import Topology
from pipeline.registry import OutboxRecord

_ENTROPY_BYTES: Final = 10


def redrive_of_inactive(
    codec: RecordCodec, topology: Topology
) -> Callable[[Endpoint], OutboxRecord]:
    """Orders a redrive of an endpoint's dead letters, but for those that its owner dropped."""

    def redrive(endpoint: Endpoint) -> OutboxRecord:
        at_ms = now_ms()
        order = JobOrder(
            new_id("rdv", now_ms=at_ms, entropy=os.urandom(_ENTROPY_BYTES)),
            JobKind.REDRIVE,
            at_ms,
            account=endpoint.account,
            endpoint=endpoint.id,
            since_ms=endpoint.drop_before_ms or None,
            reason=Reason.INACTIVE.value,
        )
        record = order_record(order)
        return OutboxRecord(topology.jobs, record.key, codec.encode_job(record), is_event=True)

    return redrive
