"""Which release of Kafka the brokers are, judged by the requests that they know."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from time import monotonic
from typing import Any, Final

from confluent_kafka.admin import AdminClient

_ANSWER_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.1
_FETCH: Final = re.compile(r"ApiKey Fetch \(1\) Versions \d+\.\.(\d+)")
_RELEASES: Final = ((18, "4.1"), (17, "3.9"), (16, "3.7"), (15, "3.5"), (13, "3.1"), (12, "2.7"))
"""By the highest version of a fetch request; see the comments in Kafka's FetchRequest.json."""
OLDEST_WITH_TOPIC_IDS: Final = "3.1"
"""Before it a topic that was deleted and made again cannot be told from the one before."""


class _FetchVersions(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.highest: int | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if found := _FETCH.search(record.getMessage()):
            self.highest = int(found[1])


def oldest_possible_release(connection: Mapping[str, str | int | bool]) -> str | None:
    """The oldest release that the brokers can be, as in `4.1`; None if they do not say enough."""
    versions = _FetchVersions()
    logger = logging.getLogger(f"{__name__}.probe")
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    logger.addHandler(versions)
    try:
        options: dict[str, Any] = {**connection, "debug": "feature", "logger": logger}
        admin = AdminClient(options)
        give_up_at = monotonic() + _ANSWER_SECONDS
        while versions.highest is None and monotonic() < give_up_at:
            admin.poll(_POLL_SECONDS)
    finally:
        logger.removeHandler(versions)
    highest = versions.highest or 0
    return next((release for version, release in _RELEASES if highest >= version), None)
