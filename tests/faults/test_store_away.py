"""The store goes away under load: only management and the log wait for it, and nothing is lost."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from pipeline.adapters.storage.engine import connected
from pipeline.adapters.storage.store_reader import StoreReader
from pipeline.clock import now_ms
from pipeline.delivery_log import CountFilter, DeliveryFilter, Place, StoredDelivery
from tests.api.running_api import Client, RunningApi, problem_of, running_api
from tests.faults.stores_away import Load, Postgres, Sqlite, Store
from tests.kafka_broker import SessionBroker
from tests.receiver import Answer, Receiver, Request
from tests.running_pipeline import eventually
from tests.storage.postgres_server import NoPostgres, stoppable_postgres

AWAY_SECONDS = 5.0
SOAK_SECONDS = 60.0
MEANWHILE = 50
"""So many deliveries are made while the store is away, at least."""
HOUR_MS = 3_600_000
RETRY = {"delays": ["1s"]}


@pytest.fixture(params=["postgres", pytest.param("sqlite", marks=pytest.mark.soak)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Store]:
    if request.param == "sqlite":
        sqlite = Sqlite(tmp_path / "pipeline" / "store.sqlite")
        yield sqlite
        sqlite.bring_back()
        return
    try:
        with stoppable_postgres() as server:
            yield Postgres(server)
    except NoPostgres as exc:
        pytest.skip(f"no PostgreSQL: {exc}")


@pytest.fixture
def api(store: Store, broker: SessionBroker, tmp_path: Path) -> Generator[RunningApi]:
    settings = {"PIPELINE_STORE__URL": store.url}
    with running_api(broker.bootstrap_servers, tmp_path / "pipeline", **settings) as running:
        running.pipeline.run()
        yield running


def an_account_with_an_endpoint(api: RunningApi, receiver: Receiver) -> str:
    account = api.new_account(profile="twelve-twenty")
    endpoint = {"url": receiver.url("/"), "retry": RETRY}
    made = api.operator.post(f"/v1/accounts/{account}/endpoints", json=endpoint)
    assert made.status_code == 201, made.text
    return account


def number_of(request: Request) -> int:
    return json.loads(request.body)["Data"]["n"]


def fails_for_good(number: int) -> bool:
    return number % 50 == 7


def fails(number: int, attempt: int) -> bool:
    """Some the first time, and a few for good."""
    return fails_for_good(number) or (number % 10 == 3 and attempt == 1)


def failing_now_and_then(receiver: Receiver) -> None:
    seen = Counter[str]()

    def answer(request: Request) -> Answer:
        seen[request.webhook_id] += 1
        return Answer(500 if fails(number_of(request), seen[request.webhook_id]) else 204)

    receiver.behaviour = answer


@pytest.mark.faults
@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    "away_seconds", [AWAY_SECONDS, pytest.param(SOAK_SECONDS, marks=pytest.mark.soak)]
)
def test_deliveries_and_events_go_on_without_the_store_and_the_log_is_complete_when_it_is_back(
    api: RunningApi, store: Store, receiver: Receiver, away_seconds: float
):
    account = an_account_with_an_endpoint(api, receiver)
    failing_now_and_then(receiver)
    known = api.client(api.new_key(account=account))
    assert known.get(f"/v1/accounts/{account}").status_code == 200
    load = Load(api.port, api.new_key(), account)
    with load.running():
        receiver.wait_for(MEANWHILE)
        pids = {stage: process.pid for stage, process in api.pipeline.processes.items()}
        store.take_away()
        back_at = monotonic() + away_seconds
        began_at, before = now_ms() / 1000, load.accepted
        check_management(api, store, account, known)
        check_ingest(api, account)
        # What is tested is the time without a store, so it has to pass.
        threading.Event().wait(max(0.0, back_at - monotonic()))
        published = load.accepted - before
        delivered = {number_of(one) for one in receiver.accepted if one.at > began_at}
        store.bring_back()
        eventually(lambda: load.accepted >= before + published + MEANWHILE)
    assert load.others == []
    assert published >= MEANWHILE
    # Published without the store, and delivered without it.
    assert len([number for number in delivered if number >= before]) >= MEANWHILE
    eventually(lambda: len(finished(receiver)) == load.accepted + 1, seconds=60)
    eventually(lambda: len(api.pipeline.attempts()) == len(receiver.requests))
    refused = sum(map(fails_for_good, range(load.accepted)))
    eventually(lambda: len(api.pipeline.dead_letters()) == refused)
    check_log(api, store, account, load.accepted + 1)
    check_nothing_was_restarted(api, pids)
    eventually(lambda: api.operator.get(f"/v1/accounts/{account}").status_code == 200)
    assert api.operator.post("/v1/accounts", json={"id": f"{account}-2"}).status_code == 201


def check_nothing_was_restarted(api: RunningApi, pids: dict[tuple[str, int], int]) -> None:
    processes = api.pipeline.processes
    assert {stage: process.pid for stage, process in processes.items()} == pids
    assert all(process.poll() is None for process in processes.values())


def check_management(api: RunningApi, store: Store, account: str, known: Client) -> None:
    """What needs the store says so, and when to come again."""
    changes: list[tuple[str, str, Any]] = [
        ("POST", "/v1/accounts", {"id": f"{account}-1"}),
        ("POST", f"/v1/accounts/{account}/endpoints", {"url": "https://example.com/"}),
    ]
    questions: list[tuple[str, str, Any]] = [
        ("GET", "/v1/accounts", None),
        ("GET", f"/v1/accounts/{account}/endpoints", None),
    ]
    for method, path, document in changes if store.is_readable_when_away else changes + questions:
        refused = api.operator.request(method, path, json=document)
        problem_of(refused, 503)
        assert int(refused.headers["Retry-After"]) >= 1
    if store.is_readable_when_away:
        assert known.get(f"/v1/accounts/{account}").status_code == 200
    else:
        # A key that is known is not refused for that the store cannot be asked.
        problem_of(known.get(f"/v1/accounts/{account}"), 503)
        assert api.client("nobody's").get("/v1/accounts").status_code in {401, 503}


def check_ingest(api: RunningApi, account: str) -> None:
    """An event is taken although nobody can look whether it came before."""
    event = {"account": account, "type": "made", "data": {"n": -1}}
    taken = api.operator.post("/v1/events", json=event, headers={"Idempotency-Key": account})
    assert taken.status_code == 202, taken.text


def finished(receiver: Receiver) -> set[str]:
    """Accepted, or refused for good."""
    times = Counter(request.webhook_id for request in list(receiver.requests))
    accepted = {request.webhook_id for request in list(receiver.accepted)}
    return accepted | {webhook_id for webhook_id, count in times.items() if count == 2}


def check_log(api: RunningApi, store: Store, account: str, events: int) -> None:
    """Each delivery and each attempt is in the store once, as Kafka has it."""
    with closing(connected(store.url)) as opened:
        compare_log(api, StoreReader(opened), account, events)


def compare_log(api: RunningApi, reader: StoreReader, account: str, events: int) -> None:
    told: dict[str, list[int]] = {}
    for attempt in api.pipeline.attempts():
        told.setdefault(attempt.delivery_id, []).append(attempt.attempt)
    assert len(told) == events
    dead = {letter.id for letter in api.pipeline.dead_letters()}
    eventually(
        lambda: reader.counts() == {"delivered": events - len(dead)} | counted_dead(dead),
        seconds=60,
        text=lambda: f"{reader.counts()} of {events}, {len(dead)} of them dead",
    )
    stored = {one.id: one for one in all_deliveries(reader, account)}
    assert set(stored) == set(told)
    for delivery_id, attempts in told.items():
        once = sorted(set(attempts))
        assert sorted(attempts) == once
        assert [one.attempt for one in reader.attempts(delivery_id)] == once
        is_dead = delivery_id in dead
        assert (stored[delivery_id].attempts, stored[delivery_id].status) == (
            len(attempts),
            "dead" if is_dead else "delivered",
        )
        assert (reader.dead_letter(delivery_id) is not None) is is_dead
    total = sum(map(len, told.values()))
    until_ms = now_ms() + HOUR_MS
    of_account = CountFilter(account=account)
    counted = reader.counted(of_account, since_ms=until_ms - 5 * HOUR_MS, until_ms=until_ms)
    assert sum(hour.requests for hour in counted.hours) == total
    assert sum(hour.accepted for hour in counted.hours) == events - len(dead)


def counted_dead(dead: set[str]) -> dict[str, int]:
    return {"dead": len(dead)} if dead else {}


def all_deliveries(reader: StoreReader, account: str) -> list[StoredDelivery]:
    found: list[StoredDelivery] = []
    while True:
        after = Place(found[-1].created_at_ms, found[-1].id) if found else None
        page = reader.deliveries(DeliveryFilter(account=account), limit=500, after=after)
        if not page:
            return found
        found += page
