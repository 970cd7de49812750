"""Publishing events by the API: what is answered, what lies in Kafka, and what is refused."""

import json
import os
import re
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from pipeline.api.fresh_ids import FreshEventIds
from pipeline.api.key_texts import hash_of, key_text
from pipeline.clock import now_ms
from pipeline.domain.endpoint import Account
from pipeline.domain.event_intake import MAX_EVENTS
from pipeline.domain.event_values import MAX_DATA_BYTES
from pipeline.domain.identifiers import new_id
from pipeline.domain.table_positions import read_positions
from pipeline.registry import Access, ApiKey
from tests.api.event_api import Answered, EventApi, event_api
from tests.kafka_broker import SessionBroker

EVENT: dict[str, Any] = {"account": "acme", "type": "invoice.paid", "data": {"id": 1}}
ULID = re.compile(r"evt_[0-7][0-9A-HJKMNP-TV-Z]{25}")


@pytest.fixture(scope="module")
def api(broker: SessionBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventApi]:
    with event_api(broker.bootstrap_servers, tmp_path_factory.mktemp("api")) as running:
        running.put_account(Account("gone", "standard-webhooks", removed=True))
        running.put_account(Account("builder", "twelve-build"))
        yield running


@pytest.fixture
def fresh_api(broker: SessionBroker, tmp_path: Path) -> Iterator[EventApi]:
    """With a topic of events that nobody else writes to."""
    with event_api(broker.bootstrap_servers, tmp_path) as running:
        yield running


def pointers(answered: Answered) -> list[str]:
    assert answered.headers["content-type"] == "application/problem+json"
    return [error["pointer"] for error in answered.body["errors"]]


def make_key(api: EventApi, *, account: str | None, access: Access) -> str:
    key_id = new_id("key", now_ms=now_ms(), entropy=os.urandom(10))
    text = key_text(key_id, os.urandom(32))
    with api.registry.writing() as writer:
        writer.put_key(ApiKey(key_id, hash_of(text), account, access, "a key", now_ms()))
    return text


def test_an_accepted_event_lies_in_kafka_with_its_id_and_the_tables_positions(
    fresh_api: EventApi,
):
    before_ms = now_ms()
    answered = fresh_api.publish(
        data={"id": 1, "big": 12345678901234567890123}, subject="invoice/1"
    )
    assert answered.status == 202
    assert ULID.fullmatch(answered.body["id"])
    (published,) = fresh_api.published()
    assert published.key == b"acme/invoice/1"
    event = published.event
    assert (event.id, event.account, event.type) == (answered.body["id"], "acme", "invoice.paid")
    assert event.data == b'{"id":1,"big":12345678901234567890123}'
    assert before_ms <= event.time_us // 1000 <= now_ms()
    assert read_positions(published.headers["tables"]) == {
        "accounts": 1,
        "endpoints": 0,
        "profiles": 0,
        "relations": 0,
    }


def test_what_an_event_brings_is_kept(fresh_api: EventApi):
    given = {"id": "order:1/é", "time": "2026-03-02T11:00:00.25Z", "metadata": {"project": "p"}}
    assert fresh_api.publish(**given).body == {"id": "order:1/é"}
    (published,) = fresh_api.published()
    assert published.event.id == "order:1/é"
    assert published.event.time_us == 1_772_449_200_250_000
    assert published.event.metadata == {"project": "p"}
    assert published.key == b"acme"


def test_an_event_stays_in_the_trace_of_whoever_publishes_it(fresh_api: EventApi):
    traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    document = {"account": "acme", "type": "invoice.paid", "data": {"id": 1}}
    for given in ({"traceparent": traceparent, "tracestate": "a=1"}, {"traceparent": "nonsense"}):
        assert fresh_api.post("/v1/events", document, headers=given).status == 202
    assert sorted(sorted(one.headers) for one in fresh_api.published()) == [
        ["tables"],
        ["tables", "traceparent", "tracestate"],
    ]
    (traced,) = (one for one in fresh_api.published() if "traceparent" in one.headers)
    assert traced.headers["traceparent"] == traceparent.encode()
    assert traced.headers["tracestate"] == b"a=1"


def test_a_batch_is_published_in_its_order_and_answered_with_all_ids(fresh_api: EventApi):
    events = [{**EVENT, "data": number} for number in range(250)]
    events[7]["id"] = "seven"
    answered = fresh_api.post("/v1/events/batch", {"events": events})
    assert answered.status == 202
    ids = answered.body["ids"]
    assert len(set(ids)) == 250
    assert ids[7] == "seven"
    # One key, so one partition.
    published = fresh_api.published()
    assert [one.event.data for one in published] == [b"%d" % number for number in range(250)]
    assert [one.event.id for one in published] == ids


def test_fresh_ids_differ_however_many_are_made():
    ids = FreshEventIds(now_ms)
    made = [ids(0) for _ in range(5_000)]
    assert len(set(made)) == 5_000
    assert all(map(ULID.fullmatch, made))
    # No two share their random part, so none was drawn twice.
    assert len({one[-16:] for one in made}) == 5_000


def test_nothing_of_a_batch_is_published_where_one_event_is_wrong(fresh_api: EventApi):
    events = [EVENT, {**EVENT, "type": "a b"}, {**EVENT, "account": "nobody"}, EVENT]
    shape = fresh_api.post("/v1/events/batch", {"events": events})
    assert (shape.status, pointers(shape)) == (422, ["/events/1/type"])
    accounts = fresh_api.post("/v1/events/batch", {"events": [EVENT, events[2], EVENT]})
    assert (accounts.status, pointers(accounts)) == (422, ["/events/1/account"])
    assert fresh_api.published() == []


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"account": "nobody"}, "/account"),
        ({"account": "gone"}, "/account"),
        ({"account": "a/b"}, "/account"),
        ({"account": 5}, "/account"),
        ({"type": ""}, "/type"),
        ({"type": None}, "/type"),
        ({"id": ""}, "/id"),
        ({"id": "a\u0000b"}, "/id"),
        ({"id": "x" * 257}, "/id"),
        ({"time": "yesterday"}, "/time"),
        ({"subject": ""}, "/subject"),
        ({"subject": "a\nb"}, "/subject"),
        ({"metadata": {"a": 1}}, "/metadata/a"),
        ({"metadata": []}, "/metadata"),
        ({"colour": 1}, "/colour"),
        ({"account": "builder", "type": "Company.updated"}, "/subject"),
        ({"account": "builder", "type": "Company.updated", "subject": "person/1"}, "/subject"),
        ({"account": "*", "type": "Company.updated"}, "/subject"),
        ({"account": "*", "type": "invoice.paid", "subject": "company/1"}, "/type"),
    ],
)
def test_an_event_that_cannot_be_taken_is_refused_with_the_place_of_its_fault(
    api: EventApi, change: dict[str, Any], pointer: str
):
    answered = api.post("/v1/events", {**EVENT, **change})
    assert answered.status == 422
    assert pointers(answered) == [pointer]
    batch = api.post("/v1/events/batch", {"events": [EVENT, {**EVENT, **change}]})
    assert (batch.status, pointers(batch)) == (422, [f"/events/1{pointer}"])


@pytest.mark.parametrize(
    "change",
    [
        {"account": "builder", "type": "Company.updated", "subject": "company/1"},
        {"account": "builder", "type": "Other.updated"},
        {"account": "*", "type": "Company.updated", "subject": "company/1"},
        {"id": None, "time": None, "subject": None, "metadata": None},
        {"data": None},
    ],
)
def test_an_event_that_somebody_can_get_is_accepted(api: EventApi, change: dict[str, Any]):
    assert api.post("/v1/events", {**EVENT, **change}).status == 202


@pytest.mark.parametrize("document", [{}, {"events": 1}, {"events": []}, {"event": [EVENT]}, []])
def test_a_batch_of_another_shape_is_refused(api: EventApi, document: Any):
    answered = api.post("/v1/events/batch", document)
    assert answered.status == 422
    assert len(pointers(answered)) == 1


def test_a_batch_has_at_most_a_thousand_events(api: EventApi):
    most = api.post("/v1/events/batch", {"events": [EVENT] * MAX_EVENTS})
    assert (most.status, len(most.body["ids"])) == (202, MAX_EVENTS)
    answered = api.post("/v1/events/batch", {"events": [EVENT] * (MAX_EVENTS + 1)})
    assert (answered.status, pointers(answered)) == (422, ["/events"])


def test_data_has_at_most_one_mebibyte(api: EventApi):
    largest = "x" * (MAX_DATA_BYTES - 2)
    assert api.publish(data=largest).status == 202
    answered = api.publish(data=largest + "x")
    assert (answered.status, pointers(answered)) == (413, ["/data"])
    events = [EVENT, {**EVENT, "data": largest + "x"}]
    batch = api.post("/v1/events/batch", {"events": events})
    assert (batch.status, pointers(batch)) == (413, ["/events/1/data"])


def test_a_batch_of_16_mebibytes_is_taken(api: EventApi):
    events = [{**EVENT, "data": "x" * (1_000_000)}] * 16
    assert api.post("/v1/events/batch", {"events": events}).status == 202


def test_only_operators_who_may_write_publish(api: EventApi):
    theirs = make_key(api, account="acme", access=Access.FULL)
    reading = make_key(api, account=None, access=Access.READ)
    writing = make_key(api, account=None, access=Access.FULL)
    for path, document in (("/v1/events", EVENT), ("/v1/events/batch", {"events": [EVENT]})):
        statuses = [
            api.post(path, document, key=key).status
            for key in (None, "wrong", theirs, reading, writing)
        ]
        assert statuses == [401, 401, 403, 403, 202]


def test_an_account_that_somebody_else_has_just_made_is_never_unknown(api: EventApi):
    # What another process has answered lies in Kafka, and perhaps not in this one's memory yet.
    for number in range(200):
        api.put_account(Account(f"new-{number}", "standard-webhooks"))
        answered = api.publish(account=f"new-{number}")
        assert answered.status == 202, answered.body


def test_the_first_event_after_an_account_was_removed_is_refused(api: EventApi):
    for number in range(50):
        api.put_account(Account(f"short-{number}", "standard-webhooks"))
        assert api.publish(account=f"short-{number}").status == 202
        api.put_account(Account(f"short-{number}", "standard-webhooks", removed=True))
        assert api.publish(account=f"short-{number}").status == 422


def test_every_record_says_how_far_the_tables_were_when_it_came(fresh_api: EventApi):
    for number in range(1, 50):
        fresh_api.put_account(Account(f"a-{number}", "standard-webhooks"))
        assert fresh_api.publish(id=str(number)).status == 202
    positions = {
        int(one.event.id): read_positions(one.headers["tables"])["accounts"]
        for one in fresh_api.published()
    }
    # One account was there before, and `number` came since.
    assert positions == {number: number + 1 for number in range(1, 50)}


def test_the_openapi_document_describes_what_no_framework_reads(api: EventApi):
    connection = HTTPConnection("127.0.0.1", api.port, timeout=30)
    connection.request("GET", "/openapi.json")
    document = json.loads(connection.getresponse().read())
    connection.close()
    for path, name in (("/v1/events", "publishEvent"), ("/v1/events/batch", "publishEvents")):
        operation = document["paths"][path]["post"]
        assert operation["operationId"] == name
        content = operation["requestBody"]["content"]["application/json"]
        assert api.post(path, content["example"]).status == 202
        answers = operation["responses"]
        assert {"202", "400", "403", "409", "413", "415", "422", "503"} <= set(answers)
        assert answers["202"]["content"]["application/json"]["example"]
        assert [one["name"] for one in operation["parameters"]] == ["Idempotency-Key"]
