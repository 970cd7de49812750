from __future__ import annotations

import statistics
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from benchmarks.log_copying import copy_log
from benchmarks.log_filling import ENDPOINTS_OF_AN_ACCOUNT, Filling
from pipeline.adapters.storage.recorder_store import RecorderStore
from pipeline.clock import now_ms
from pipeline.domain.delivery import Attempt, Position
from tests.api.delivery_facts import recording_store
from tests.api.running_api import running_api
from tests.console.browsing import ConsoleUnderTest
from tests.kafka_broker import SessionBroker
from tests.storage.builders import a_delivery

DELIVERIES = 1_000_000
WRITTEN = 50_000
ACCOUNTS = 5
ROUNDS = 40
MOST_MS = 100.0
DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def large(
    broker: SessionBroker, tmp_path_factory: pytest.TempPathFactory
) -> Generator[ConsoleUnderTest]:
    """A console over a log of a million deliveries of the last day, by endpoints that there are."""
    data_dir: Path = tmp_path_factory.mktemp("large") / "data"
    filling = Filling(DAY_MS / WRITTEN * 0.99, now_ms() - DAY_MS)
    with running_api(broker.bootstrap_servers, data_dir) as api:
        for number in range(ACCOUNTS * ENDPOINTS_OF_AN_ACCOUNT):
            account = f"account_{number // ENDPOINTS_OF_AN_ACCOUNT}"
            api.operator.post("/v1/accounts", json={"id": account})
            made = api.operator.post(
                f"/v1/accounts/{account}/endpoints",
                json={"id": f"ep_01JD{number:022}", "url": "http://127.0.0.1:9/"},
            )
            assert made.status_code == 201, made.text
        with recording_store(f"sqlite:///{data_dir / 'store.sqlite'}") as store:
            recorder = RecorderStore(store)
            for batch in filling.batches(WRITTEN, size=5_000):
                recorder.write(batch.attempts, batch.buried, batch.positions)
            copy_log(store, times=DELIVERIES // WRITTEN - 1)
        yield ConsoleUnderTest(api, data_dir)


def sent(console: ConsoleUnderTest, endpoint: str) -> Attempt:
    """A failed attempt whose record lies in Kafka, so that its page shows what was sent."""
    pipeline, found = console.api.pipeline, list[int]()
    topic = pipeline.topology.shared_delivery
    value = pipeline.codec.encode_delivery(a_delivery(delivery_id="dlv_shown", endpoint=endpoint))
    pipeline.producer.produce(
        topic, value, partition=0, on_delivery=lambda _, m: found.append(m.offset() or 0)
    )
    assert pipeline.producer.flush(30) == 0
    record = Position(topic, 0, found[0])
    return console.tried("account_0", endpoint, delivery_id="dlv_shown", record=record)


@pytest.mark.soak
def test_a_page_is_answered_within_a_tenth_of_a_second_at_a_million_deliveries(
    large: ConsoleUnderTest,
):
    console = large
    endpoint = "ep_01JD" + "0" * 22
    delivery = sent(console, endpoint).delivery_id
    pages = [
        *("/", "/endpoints", f"/endpoints/{endpoint}", "/deliveries", "/deliveries?status=dead"),
        *(f"/deliveries?endpoint={endpoint}", "/deliveries?http_status=5xx"),
        *(f"/deliveries?endpoint={endpoint}&type=kind_1.changed", f"/deliveries/{delivery}"),
        *("/dead-letters", f"/dead-letters?endpoint={endpoint}", "/dead-letters/redrive"),
        *("/replays", "/event-types", "/accounts", "/accounts/account_0", "/audit", "/system"),
    ]
    all_ms: dict[str, float] = {}
    with console.operator() as operator:
        for page in pages:
            lasted_ms: list[float] = []
            for _ in range(ROUNDS):
                began = time.perf_counter()
                answer = operator.get(page)
                lasted_ms.append((time.perf_counter() - began) * 1_000)
                assert answer.status_code == 200, f"{page}: {answer.text}"
            p95 = statistics.quantiles(lasted_ms, n=20)[-1]
            all_ms[page] = round(p95, 1)
    assert max(all_ms.values()) <= MOST_MS, all_ms
