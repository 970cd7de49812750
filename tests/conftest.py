"""What all tests share: the broker, and which of them may run apart."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from xdist.scheduler import (  # pyright: ignore[reportMissingTypeStubs] - it has none
    LoadScopeScheduling,
)

if TYPE_CHECKING:
    from xdist.remote import Producer  # pyright: ignore[reportMissingTypeStubs] - it has none

# Brokers live for seconds here: compiled with C1 alone, all CPU is a sixth less (measured).
os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1")

pytest_plugins = ["tests.kafka_broker"]


class ByFile(LoadScopeScheduling):
    """Side by side, a file's tests share what was started; those of tests/faults share nothing."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, _ = nodeid.partition("::")
        return nodeid if "/faults/" in file else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    return ByFile(config, log)
