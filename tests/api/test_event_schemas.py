"""Events whose type has a JSON Schema."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipeline.api.event_schemas import REFRESH_SECONDS, InvalidSchema, compiled_schema
from pipeline.clock import now_ms
from pipeline.registry import EventType
from tests.api.event_api import EventApi, event_api
from tests.kafka_broker import SessionBroker

AMOUNT = {
    "type": "object",
    "required": ["amount"],
    "properties": {
        "amount": {"type": "integer", "minimum": 0},
        "a/b": {"type": "array", "items": {"type": "string", "pattern": "^(a+)+$"}},
    },
}


@pytest.fixture(scope="module")
def api(broker: SessionBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventApi]:
    with event_api(broker.bootstrap_servers, tmp_path_factory.mktemp("api")) as running:
        yield running


def put_type(api: EventApi, name: str, schema: Any) -> None:
    text = msgspec.json.encode(schema).decode()
    with api.registry.writing() as writer:
        writer.put_event_type(EventType(name, "", text, None, now_ms(), now_ms()))


def eventually(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        threading.Event().wait(0.1)


def test_data_is_checked_against_the_schema_of_its_type_as_it_is_now(api: EventApi):
    def status(**members: Any) -> int:
        return api.publish(type="order.paid", **members).status

    assert status(data="anything") == 202
    put_type(api, "order.paid", AMOUNT)
    eventually(lambda: status(data="anything") == 422)
    assert status(data={"amount": 1}) == 202
    answered = api.publish(type="order.paid", data={"amount": "1", "a/b": ["a", 5, "b"]})
    assert answered.status == 422
    assert {one["pointer"] for one in answered.body["errors"]} == {
        "/data/a~1b/1",
        "/data/a~1b/2",
        "/data/amount",
    }
    assert api.publish(type="order.sent", data="anything").status == 202
    put_type(api, "order.paid", {"type": "string"})
    eventually(lambda: status(data="anything") == 202)
    with api.registry.writing() as writer:
        writer.remove_event_type("order.paid")
    eventually(lambda: status(data=5) == 202)


def test_nothing_of_a_batch_is_published_where_one_event_breaks_its_schema(api: EventApi):
    put_type(api, "in.batch", AMOUNT)
    good: dict[str, Any] = {"account": "acme", "type": "in.batch", "data": {"amount": 1}}
    bad = {**good, "data": {"amount": -1}}
    eventually(lambda: api.publish(type="in.batch", data={}).status == 422)
    before = len(api.published())
    answered = api.post("/v1/events/batch", {"events": [good, bad, good]})
    assert answered.status == 422
    assert [one["pointer"] for one in answered.body["errors"]] == ["/events/1/data/amount"]
    assert len(api.published()) == before


def test_a_schema_holds_while_the_store_is_away(broker: SessionBroker, tmp_path: Path):
    with event_api(broker.bootstrap_servers, tmp_path) as api:
        put_type(api, "held", AMOUNT)
        eventually(lambda: api.publish(type="held", data={}).status == 422)
        locking = sqlite3.connect(tmp_path / "store.sqlite", isolation_level=None)
        try:
            locking.execute("BEGIN EXCLUSIVE")
            until = time.monotonic() + 1.5 * REFRESH_SECONDS
            while time.monotonic() < until:
                assert api.publish(type="held", data={}).status == 422
            assert api.publish(type="held", data={"amount": 1}).status == 202
        finally:
            locking.execute("ROLLBACK")
            locking.close()


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 128 + b"]" * 128,
        b"1" * 5000,
        b"1e400",
        b'{"a":' * 100 + b"1" + b"}" * 100,
        b'["' + b"a" * 100_000 + b'b"]',
    ],
    ids=["deep", "long number", "beyond floats", "deep objects", "a pattern's worst case"],
)
def test_no_data_makes_a_check_fail_or_last(api: EventApi, data: bytes):
    put_type(
        api,
        "nested",
        {
            "items": {"$ref": "#"},
            "additionalProperties": {"$ref": "#"},
            "pattern": "^(a+)+$",
        },
    )
    eventually(lambda: api.publish(type="nested", data="b").status == 422)
    body = b'{"account":"acme","type":"nested","data":' + data + b"}"
    started_at = time.monotonic()
    assert api.post("/v1/events", body).status in (202, 422)
    assert time.monotonic() - started_at < 5


@pytest.mark.parametrize(
    "schema",
    [
        "{",
        "5",
        '{"type": "nothing"}',
        '{"$ref": "http://127.0.0.1:1/schema.json"}',
        '{"$ref": "file:///etc/hostname"}',
        '{"$ref": "#/nowhere"}',
        '{"pattern": "(?=a)"}',
        '{"pattern": "(a{1000}){1000}"}',
        "[" * 100_000,
        '"' + "x" * 300_000 + '"',
    ],
)
def test_a_schema_that_cannot_be_used_is_none(schema: str):
    with pytest.raises(InvalidSchema):
        compiled_schema(schema)
