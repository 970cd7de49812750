"""Requests with an Idempotency-Key: answered once, published once."""

import json
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.api.caller import OPERATOR_KEY_ID
from pipeline.api.repetition import KEPT_MS
from pipeline.clock import now_ms
from tests.api.event_api import Answered, EventApi, event_api
from tests.kafka_broker import SessionBroker

EVENT: dict[str, Any] = {"account": "acme", "type": "invoice.paid", "data": {"id": 1}}


@pytest.fixture(scope="module")
def api(broker: SessionBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventApi]:
    with event_api(broker.bootstrap_servers, tmp_path_factory.mktemp("api")) as running:
        yield running


@pytest.fixture
def key(request: pytest.FixtureRequest) -> str:
    """One that no other test sends."""
    return request.node.name


def ids_of(api: EventApi) -> Counter[str]:
    """How often each id was published."""
    return Counter(one.event.id for one in api.published())


def send(api: EventApi, document: Any, *, key: str, path: str = "/v1/events") -> Answered:
    return api.post(path, document, headers={"Idempotency-Key": key})


def test_the_same_request_is_answered_alike_and_published_once(api: EventApi, key: str):
    first, second = send(api, EVENT, key=key), send(api, EVENT, key=key)
    assert (first.status, second.status) == (202, 202)
    assert first.body == second.body
    assert ids_of(api)[first.body["id"]] == 1


def test_a_batch_too(api: EventApi, key: str):
    batch = {"events": [EVENT, {**EVENT, "data": 2}]}
    first, second = (send(api, batch, key=key, path="/v1/events/batch") for _ in range(2))
    assert first.status == 202
    assert first.body == second.body
    assert len(set(first.body["ids"])) == 2
    published = ids_of(api)
    assert [published[one] for one in first.body["ids"]] == [1, 1]


def test_other_content_under_the_same_key_is_a_conflict(api: EventApi, key: str):
    assert send(api, EVENT, key=key).status == 202
    before = ids_of(api).total()
    assert send(api, {**EVENT, "data": 2}, key=key).status == 409
    # The same bytes at another path ask for something else.
    assert send(api, EVENT, key=key, path="/v1/events/batch").status == 409
    assert ids_of(api).total() == before


def test_what_was_refused_may_come_mended_under_the_same_key(api: EventApi, key: str):
    assert send(api, {**EVENT, "type": "a b"}, key=key).status == 422
    assert send(api, EVENT, key=key).status == 202


@pytest.mark.parametrize("bad", ["", "x" * 256, "a\tb", "caf\u00e9"])
def test_a_key_has_1_to_255_printable_characters(api: EventApi, bad: str):
    before = ids_of(api).total()
    answered = send(api, EVENT, key=bad)
    assert answered.status == 422
    assert answered.body["errors"][0]["pointer"] == "#header/Idempotency-Key"
    assert ids_of(api).total() == before


def test_the_same_request_at_the_same_time_is_published_once(api: EventApi, key: str):
    answers: list[Answered] = []
    threads = [
        threading.Thread(target=lambda: answers.append(send(api, EVENT, key=key)))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    statuses = {answered.status for answered in answers}
    assert statuses <= {202, 409}
    assert all("retry-after" in one.headers for one in answers if one.status == 409)
    (event_id,) = {one.body["id"] for one in answers if one.status == 202}
    assert ids_of(api)[event_id] == 1


def test_an_answer_older_than_a_day_is_not_given_again(api: EventApi):
    first = send(api, EVENT, key="old")
    with api.registry.writing() as writer:
        kept = writer.kept_answer(OPERATOR_KEY_ID, "old")
        assert kept is not None
        assert json.loads(kept.answer) == first.body
        writer.forget_answers(before_ms=now_ms() + 1)
        writer.keep_answer(replace(kept, created_at_ms=now_ms() - KEPT_MS, answer=b'{"id":"x"}'))
    second = send(api, EVENT, key="old")
    assert second.status == 202
    assert second.body == first.body
    assert ids_of(api)[first.body["id"]] == 2


def test_a_request_whose_answer_was_never_kept_gives_the_same_ids_again(api: EventApi, key: str):
    # As after a crash between the acknowledgement and the store.
    first = send(api, EVENT, key=key)
    with api.registry.writing() as writer:
        writer.forget_answers(before_ms=now_ms() + 1)
    assert send(api, EVENT, key=key).body == first.body
    with api.registry.writing() as writer:
        writer.forget_answers(before_ms=now_ms() + 1)
    assert send(api, {**EVENT, "data": 2}, key=key).body != first.body


def test_while_the_store_is_locked_events_are_published_all_the_same(
    broker: SessionBroker, tmp_path: Path
):
    with event_api(broker.bootstrap_servers, tmp_path) as api:
        locking = sqlite3.connect(api.data_dir / "store.sqlite", isolation_level=None)
        try:
            locking.execute("BEGIN EXCLUSIVE")
            first, second = send(api, EVENT, key="k"), send(api, EVENT, key="k")
        finally:
            locking.execute("ROLLBACK")
            locking.close()
        assert (first.status, second.status) == (202, 202)
        assert first.body == second.body
