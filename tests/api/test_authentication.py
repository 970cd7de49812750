"""Wrong keys are slowed down; keys that were good go on being good while the store is away."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.api.failed_attempts import BURST, MOST_REMEMBERED, FailedAttempts
from pipeline.api.key_memory import FRESH_SECONDS, KeyMemory
from pipeline.api.key_texts import hash_of, key_text
from pipeline.api.problems import Problem
from pipeline.domain.audit import Author
from pipeline.ports import StoreFailed
from pipeline.registry import Access, ApiKey, Registry, RegistryReader, RegistryWriter
from pipeline.settings import Settings
from pipeline.wiring.registry_store import opened_registry
from tests.api.running_api import OPERATOR_KEY, Client, RunningApi, problem_of

ACCOUNTS = "/v1/accounts"
SOON_SECONDS = 15.0


def from_address(api: RunningApi, address: str, key: str) -> Client:
    return Client(api.http, {"Authorization": f"Bearer {key}", "X-Forwarded-For": address})


def an_address() -> str:
    return f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::1"


def test_many_wrong_keys_from_an_address_have_to_wait_and_nobody_else_has(api: RunningApi):
    address, another = an_address(), an_address()
    for _ in range(BURST):
        problem_of(from_address(api, address, "wrong").get(ACCOUNTS), 401)
    refused = from_address(api, address, "wrong").get(ACCOUNTS)
    problem_of(refused, 429)
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    # Not even the right one is looked at: else it could be guessed on.
    problem_of(from_address(api, address, OPERATOR_KEY).get(ACCOUNTS), 429)
    assert from_address(api, another, OPERATOR_KEY).get(ACCOUNTS).status_code == 200


def test_who_was_let_in_before_is_not_locked_out_by_a_neighbour(api: RunningApi):
    address = an_address()
    own = from_address(api, address, OPERATOR_KEY)
    assert own.get(ACCOUNTS).status_code == 200
    for _ in range(BURST + 1):
        from_address(api, address, "wrong").get(ACCOUNTS)
    problem_of(from_address(api, address, "wrong").get(ACCOUNTS), 429)
    assert own.get(ACCOUNTS).status_code == 200


def test_addresses_of_one_network_of_ipv6_are_one_client():
    failed = FailedAttempts(burst=2, seconds_each=10)
    failed.note("2001:db8::1", now_seconds=0)
    failed.note("2001:db8::2", now_seconds=0)
    assert failed.wait_seconds("2001:db8::3", now_seconds=0) == 10
    assert failed.wait_seconds("2001:db8:0:1::3", now_seconds=0) == 0
    assert failed.wait_seconds("192.0.2.1", now_seconds=0) == 0


def test_time_gives_tries_back_one_by_one():
    failed = FailedAttempts(burst=2, seconds_each=10)
    for _ in range(2):
        failed.note("192.0.2.1", now_seconds=0)
    assert failed.wait_seconds("192.0.2.1", now_seconds=9.5) == 1
    assert failed.wait_seconds("192.0.2.1", now_seconds=10) == 0
    failed.note("192.0.2.1", now_seconds=10)
    assert failed.wait_seconds("192.0.2.1", now_seconds=10) == 10
    assert failed.wait_seconds("192.0.2.1", now_seconds=1000) == 0


def test_addresses_without_end_take_no_memory_without_end():
    failed = FailedAttempts(burst=1, seconds_each=10)
    for number in range(MOST_REMEMBERED + 10):
        failed.note(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", now_seconds=0)
    assert failed.wait_seconds("10.0.0.9", now_seconds=0) == 0  # forgotten
    assert failed.wait_seconds("10.0.0.11", now_seconds=0) > 0


class Switched:
    """A registry that can be out of reach."""

    def __init__(self, behind: Registry) -> None:
        self._behind = behind
        self.is_away = False

    @contextmanager
    def reading(self) -> Generator[RegistryReader]:
        if self.is_away:
            raise StoreFailed("away")
        with self._behind.reading() as reader:
            yield reader

    @contextmanager
    def writing(self, by: Author | None = None) -> Generator[RegistryWriter]:
        with self._behind.writing(by) as writer:
            yield writer


@pytest.fixture
def registry(tmp_path: Path) -> Generator[Switched]:
    store = opened_registry(Settings(data_dir=tmp_path))
    yield Switched(store.registry)
    store.close()


def put_key(registry: Switched) -> ApiKey:
    key_id = "key_01JNB9Q4J7Z4X9V1T0Q6W8R2EA"
    text = key_text(key_id, secrets.token_bytes(32))
    key = ApiKey(key_id, hash_of(text), None, Access.FULL, "a test's", created_at_ms=1)
    with registry.writing() as writer:
        writer.put_key(key)
    return key


@pytest.fixture
async def memory(registry: Switched) -> KeyMemory:
    return KeyMemory(registry)


async def test_a_key_that_was_good_stays_so_while_the_store_is_away(
    registry: Switched, memory: KeyMemory
):
    key = put_key(registry)
    assert await memory.find(key.id) == key
    registry.is_away = True
    await asyncio.sleep(FRESH_SECONDS + 0.2)
    assert await memory.find(key.id) == key
    with pytest.raises(Problem) as refused:
        await memory.find("key_00000000000000000000000000")
    assert refused.value.status == 503
    memory.close()


async def test_a_key_that_another_process_revoked_is_believed_2_seconds_at_most(
    registry: Switched, memory: KeyMemory
):
    key = put_key(registry)
    assert await memory.find(key.id) == key
    with registry.writing() as writer:
        writer.put_key(replace(key, revoked_at_ms=2))
    await asyncio.sleep(FRESH_SECONDS)
    assert await memory.find(key.id) is None
    memory.close()


async def test_what_is_being_read_while_a_key_is_revoked_does_not_bring_it_back(
    registry: Switched, memory: KeyMemory
):
    key = put_key(registry)
    asked = asyncio.gather(*(memory.find(key.id) for _ in range(10)))
    await asyncio.sleep(0)
    memory.forget(key.id)
    await asked
    assert await memory.find(key.id) is None
    memory.close()
