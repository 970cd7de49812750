"""What a consumer is called that belongs to no group."""

from __future__ import annotations

import uuid

from pipeline.domain.least_rights import NO_GROUP


def no_group() -> str:
    """A name that nobody else has: librdkafka wants one of every consumer."""
    return f"{NO_GROUP}{uuid.uuid4()}"
