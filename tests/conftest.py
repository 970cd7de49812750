"""What all tests share: the broker, and which of them may run apart."""

from __future__ import annotations

import pytest

pytest_plugins = ["tests.kafka_broker"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Side by side, a file's tests share what was started; those that kill things share nothing."""
    for item in items:
        if item.get_closest_marker("faults") is None:
            item.add_marker(pytest.mark.xdist_group(str(item.path)))
