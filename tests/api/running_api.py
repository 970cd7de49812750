"""The API as a real process: its own socket, a real store, a real broker."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.running_pipeline import RunningPipeline, running_pipeline

OPERATOR_KEY = "op_" + secrets.token_urlsafe(32)
STAGE = "api"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class RunningApi:
    """`pipeline run api`."""

    pipeline: RunningPipeline
    port: int
    http: httpx.Client

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def operator(self) -> Client:
        return self.client(OPERATOR_KEY)

    def client(self, key: str | None) -> Client:
        return Client(self.http, {} if key is None else {"Authorization": f"Bearer {key}"})

    def new_account(self, **members: Any) -> str:
        """Its id."""
        account = f"a-{secrets.token_hex(6)}"
        made = self.operator.post("/v1/accounts", json={"id": account, **members})
        assert made.status_code == 201, made.text
        return account

    def new_key(self, **members: Any) -> str:
        """Its text."""
        return self.made_key(**members)["key"]

    def made_key(self, **members: Any) -> dict[str, Any]:
        made = self.operator.post("/v1/keys", json={"name": "a test's", **members})
        assert made.status_code == 201, made.text
        return made.json()

    def raw(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def log(self) -> str:
        return self.pipeline.log(STAGE)


class Client:
    """Sends requests with one key."""

    def __init__(self, http: httpx.Client, headers: Mapping[str, str]) -> None:
        self._http = http
        self._headers = headers

    def request(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **options: Any
    ) -> httpx.Response:
        sent = {**self._headers, **(headers or {})}
        return self._http.request(method, path, headers=sent, **options)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.request("POST", path, **options)

    def put(self, path: str, **options: Any) -> httpx.Response:
        return self.request("PUT", path, **options)

    def patch(self, path: str, **options: Any) -> httpx.Response:
        return self.request("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> httpx.Response:
        return self.request("DELETE", path, **options)


@contextmanager
def started_api(bootstrap_servers: str, data_dir: Path, **settings: str) -> Generator[RunningApi]:
    """Not ready yet; ended with the block."""
    port = free_port()
    options = {
        "PIPELINE_API__PORT": str(port),
        "PIPELINE_API__OPERATOR_KEY": OPERATOR_KEY,
        # So that a test can come from any address.
        "PIPELINE_API__TRUSTED_PROXIES": '["127.0.0.0/8"]',
        **settings,
    }
    with (
        running_pipeline(bootstrap_servers, data_dir, **options) as pipeline,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as http,
    ):
        pipeline.start(STAGE)
        yield RunningApi(pipeline, port, http)


@contextmanager
def running_api(bootstrap_servers: str, data_dir: Path, **settings: str) -> Generator[RunningApi]:
    """Ready; ended with the block."""
    with started_api(bootstrap_servers, data_dir, **settings) as api:
        api.pipeline.wait_ready(STAGE)
        yield api


def problem_of(response: httpx.Response, status: int) -> dict[str, Any]:
    """The problem, which has this status."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    return problem


def pointers(response: httpx.Response) -> list[str]:
    """Of the errors of a 422."""
    return [error["pointer"] for error in problem_of(response, 422)["errors"]]


def all_pages(get: Callable[[Mapping[str, str]], httpx.Response]) -> list[Any]:
    """The items of a list, piece by piece."""
    items: list[Any] = []
    query: dict[str, str] = {"limit": "2"}
    while True:
        answer = get(query)
        assert answer.status_code == 200, answer.text
        piece = answer.json()
        items += piece["items"]
        if piece["next"] is None:
            return items
        query = {"limit": "2", "cursor": piece["next"]}
