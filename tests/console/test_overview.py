"""What the overview shows at a glance: open circuits, and how long events take."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.adapters.storage.recorder_store import RecorderStore
from pipeline.clock import now_ms
from tests.api.delivery_facts import recording_store
from tests.console.browsing import ConsoleUnderTest
from tests.running_pipeline import eventually
from tests.storage.builders import a_failure, an_attempt


@pytest.fixture(scope="module")
def failing(console: ConsoleUnderTest) -> tuple[str, str]:
    """An account, and its endpoint whose last 21 attempts failed, the last one just now."""
    account = console.api.new_account()
    endpoint = console.new_endpoint(account)
    last_ms = now_ms()
    same: dict[str, Any] = {"account": account, "endpoint": endpoint, "duration_ms": 100.0}
    attempts = [
        a_failure(
            delivery_id=f"dlv_{account}_{number}",
            started_at_ms=last_ms - (20 - number) * 10_000,
            **same,
        )
        for number in range(21)
    ]
    accepted = an_attempt(
        delivery_id=f"dlv_{account}_well",
        started_at_ms=last_ms - 300_000,
        occurred_at_us=(last_ms - 304_000) * 1_000,
        **same,
    )
    with recording_store(f"sqlite:///{console.data_dir / 'store.sqlite'}") as store:
        RecorderStore(store).write([accepted, *attempts], [], {})
    return account, endpoint


def test_an_open_circuit_is_told_with_its_beginning_and_its_next_probe(
    console: ConsoleUnderTest, failing: tuple[str, str]
):
    account, endpoint = failing
    client = console.api.client(console.api.new_key(account=account))
    body = client.get("/v1/statistics/circuits").json()
    (found,) = body["items"]
    assert body["complete"] is True
    assert (found["endpoint"], found["account"], found["http_status"]) == (endpoint, account, 503)
    assert found["failing_since"] < found["open_since"] < found["next_probe_at"]
    page = console.api.operator.get("/v1/statistics/circuits").json()["items"]
    assert found in page
    others = console.api.client(console.api.new_key(account=console.api.new_account()))
    assert others.get("/v1/statistics/circuits").json()["items"] == []


def test_how_long_events_take_is_told_of_the_newest(
    console: ConsoleUnderTest, failing: tuple[str, str]
):
    client = console.api.client(console.api.new_key(account=failing[0]))
    found = client.get("/v1/statistics/end-to-end").json()
    assert found == {"deliveries": 1, "latency_ms": {"p50": 4_100, "p95": 4_100, "p99": 4_100}}


def test_the_overview_shows_both_to_operators_and_to_their_owner_alone(
    console: ConsoleUnderTest, failing: tuple[str, str]
):
    account, endpoint = failing
    with console.visitor_of(account, "read") as owner:
        page = owner.get("/portal/").text
        assert "Open circuits" in page
        assert f'href="/portal/endpoints/{endpoint}"' in page
        assert "4.10 s" in page
    with console.visitor_of(console.api.new_account()) as other:
        page = other.get("/portal/").text
        assert endpoint not in page
        assert "Too many attempts in a row" not in page
    with console.operator() as operator:
        # What was answered to operators a moment ago is shown for a few seconds.
        eventually(lambda: endpoint in operator.get("/").text)
