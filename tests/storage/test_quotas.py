"""Limits hold however many ask at once, on both databases."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path

import pytest

from pipeline.domain.relation import Relation
from tests.api.resource_api import ResourceApi, resource_api
from tests.kafka_broker import SessionBroker

AT_ONCE = 12
ENDPOINT = {"url": "https://hooks.example.com/"}


@pytest.fixture
def api(broker: SessionBroker, tmp_path: Path, url: str) -> Iterator[ResourceApi]:
    with resource_api(broker.bootstrap_servers, tmp_path, store_url=url) as running:
        yield running


def test_plans_ids_and_stars_have_their_limits(api: ResourceApi):
    planned = api.account("calenso", plan="business")
    others = [api.account() for _ in range(AT_ONCE)]
    starred = api.account("twelve-build")
    with api.registry.writing() as writer:
        for number in range(2_996):
            writer.put_relation(Relation(starred, f"c{number}", star="gold"))
    asked = [("POST", f"/v1/accounts/{planned}/endpoints", ENDPOINT)] * AT_ONCE
    asked += [
        ("POST", f"/v1/accounts/{one}/endpoints", {**ENDPOINT, "id": "one"}) for one in others
    ]
    asked += [
        ("PUT", f"/v1/accounts/{starred}/relations/new{number}", {"star": "green"})
        for number in range(AT_ONCE)
    ]
    mixed = [each for start in range(AT_ONCE) for each in asked[start::AT_ONCE]]
    methods, paths, documents = zip(*mixed, strict=True)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = list(threads.map(api.ask, methods, paths, documents))
    statuses: dict[str, list[int]] = {}
    for path, answer in zip(paths, answers, strict=True):
        kind = "planned" if planned in path else "starred" if starred in path else "named"
        statuses.setdefault(kind, []).append(answer.status)
    assert sorted(statuses["planned"]) == [*repeat(201, 5), *repeat(403, AT_ONCE - 5)]
    assert sorted(statuses["named"]) == [201, *repeat(409, AT_ONCE - 1)]
    assert sorted(statuses["starred"]) == [*repeat(201, 4), *repeat(403, AT_ONCE - 4)]
    with api.registry.reading() as reader:
        assert reader.count_endpoints(planned) == 5
        assert reader.count_starred(starred) == 3_000
