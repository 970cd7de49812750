"""What holds for every request, whatever resource it asks for."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from http.client import HTTPConnection

import httpx
import pytest

from tests.api.running_api import OPERATOR_KEY, RunningApi, pointers, problem_of

ACCOUNTS = "/v1/accounts"
MAX_BODY_BYTES = 16 * 1024 * 1024
HEAD = f"Host: localhost\r\nAuthorization: Bearer {OPERATOR_KEY}\r\n"


def test_every_answer_is_neither_kept_nor_guessed_at(api: RunningApi):
    for answer in (api.operator.get(ACCOUNTS), api.client(None).get(ACCOUNTS)):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "server" not in answer.headers


def test_a_request_without_a_key_is_told_how_to_send_one(api: RunningApi):
    refused = api.client(None).get(ACCOUNTS)
    assert "Authorization: Bearer" in problem_of(refused, 401)["detail"]
    assert refused.headers["www-authenticate"] == "Bearer"


def test_nobody_without_a_key_learns_which_paths_there_are(api: RunningApi):
    problem_of(api.client(None).get("/v1/no-such-thing"), 401)
    problem_of(api.operator.get("/v1/no-such-thing"), 404)
    problem_of(api.operator.get("/v1/accounts/"), 404)


def test_a_method_that_is_not_there_is_answered_with_those_that_are(api: RunningApi):
    refused = api.operator.put(ACCOUNTS, json={})
    problem_of(refused, 405)
    assert refused.headers["allow"] == "GET, HEAD, POST"


def test_head_is_answered_as_get_without_the_body(api: RunningApi):
    asked, headed = api.operator.get("/v1/profiles"), api.operator.request("HEAD", "/v1/profiles")
    assert headed.status_code == 200
    assert headed.content == b""
    assert headed.headers["content-length"] == asked.headers["content-length"]
    # The connection is in step: the next answer is the next request's.
    assert api.operator.get("/healthz").json() == {"status": "ok"}


@pytest.mark.parametrize(
    "accepted", ["application/json", "*/*", "application/*;q=0.5", "text/html, application/json"]
)
def test_who_accepts_json_gets_it(api: RunningApi, accepted: str):
    assert api.operator.get(ACCOUNTS, headers={"Accept": accepted}).status_code == 200


@pytest.mark.parametrize("accepted", ["text/html", "application/xml", "application/json;q=0"])
def test_who_accepts_no_json_is_told_so(api: RunningApi, accepted: str):
    problem_of(api.operator.get(ACCOUNTS, headers={"Accept": accepted}), 406)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_body_that_is_not_declared_as_json_is_not_looked_at(api: RunningApi, kind: str):
    refused = api.operator.post(ACCOUNTS, content=b'{"id":"x"}', headers={"Content-Type": kind})
    assert "application/json" in problem_of(refused, 415)["detail"]


def test_a_merge_patch_may_be_declared_as_one_and_is_taken_by_patch_alone(api: RunningApi):
    account = api.new_account()
    headers = {"Content-Type": "application/merge-patch+json"}
    patched = api.operator.patch(
        f"{ACCOUNTS}/{account}", content=b'{"name":"Acme"}', headers=headers
    )
    assert patched.json()["name"] == "Acme"
    problem_of(api.operator.post(ACCOUNTS, content=b'{"id":"x"}', headers=headers), 415)


@pytest.mark.parametrize(
    "body",
    [b"{", b"nonsense", b'{"id":NaN}', b'{"id":"\xff"}', b'{"id":"\\ud800x"}', b'{"id":"x"} {}'],
)
def test_what_is_no_json_is_answered_400(api: RunningApi, body: bytes):
    headers = {"Content-Type": "application/json"}
    problem_of(api.operator.post(ACCOUNTS, content=body, headers=headers), 400)


def test_json_is_nested_64_levels_deep_at_most(api: RunningApi):
    def post(levels: int) -> httpx.Response:
        nested = b"[" * (levels - 1) + b"]" * (levels - 1)
        return api.operator.post(
            ACCOUNTS,
            content=b'{"id":"x","more":' + nested + b"}",
            headers={"Content-Type": "application/json"},
        )

    assert pointers(post(64)) == ["/more"]
    assert "64 levels" in problem_of(post(65), 400)["detail"]
    problem_of(post(200_000), 400)


def test_every_bad_field_is_named_with_its_place(api: RunningApi):
    refused = api.operator.post(
        ACCOUNTS, json={"name": 5, "webhooks_enabled": "yes", "colour": "red"}
    )
    assert sorted(pointers(refused)) == ["/colour", "/id", "/name", "/webhooks_enabled"]


def test_unknown_and_repeated_parameters_are_refused(api: RunningApi):
    assert pointers(api.operator.get(f"{ACCOUNTS}?limt=5")) == ["#query/limt"]
    assert "limit" in api.operator.get(f"{ACCOUNTS}?limt=5").text
    assert pointers(api.operator.get(f"{ACCOUNTS}?limit=5&limit=6")) == ["#query/limit"]
    assert pointers(api.operator.get(f"{ACCOUNTS}?cursor=%00")) == ["#query/cursor"]


@pytest.mark.parametrize("limit", ["0", "501", "x"])
def test_a_limit_is_1_to_500(api: RunningApi, limit: str):
    assert pointers(api.operator.get(ACCOUNTS, params={"limit": limit})) == ["#query/limit"]


def test_a_cursor_that_no_answer_gave_is_refused(api: RunningApi):
    for cursor in ("nonsense!", "AAAA", "x" * 5_000):
        assert pointers(api.operator.get(ACCOUNTS, params={"cursor": cursor})) == ["#query/cursor"]


def test_a_path_with_a_nul_leads_nowhere(api: RunningApi):
    problem_of(api.operator.get(f"{ACCOUNTS}/%00"), 404)
    problem_of(api.operator.get(f"{ACCOUNTS}/a%FFb"), 404)


def test_two_keys_at_once_are_refused(api: RunningApi):
    headers = [("Authorization", "Bearer one"), ("Authorization", "Bearer two")]
    problem_of(httpx.get(f"{api.url}{ACCOUNTS}", headers=headers), 400)


def test_a_request_that_says_it_is_too_large_is_refused_before_it_is_sent(api: RunningApi):
    with api.raw() as connection:
        connection.sendall(
            f"POST {ACCOUNTS} HTTP/1.1\r\n{HEAD}Content-Type: application/json\r\n"
            f"Content-Length: {MAX_BODY_BYTES + 1}\r\n\r\n".encode()
        )
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_a_request_in_chunks_is_refused_once_it_is_too_large(api: RunningApi):
    def chunks():
        for _ in range(20):
            yield b" " * 1024 * 1024

    refused = api.operator.post(
        ACCOUNTS, content=chunks(), headers={"Content-Type": "application/json"}
    )
    problem_of(refused, 413)


def test_a_request_just_within_the_limit_is_read(api: RunningApi):
    body = json.dumps({"id": "x", "name": ""}).encode()
    padded = body[:-1] + b" " * (MAX_BODY_BYTES - len(body)) + b"}"
    assert len(padded) == MAX_BODY_BYTES
    headers = {"Content-Type": "application/json"}
    answered = api.operator.post(ACCOUNTS, content=padded, headers=headers)
    assert answered.status_code in {201, 409}, answered.text


def test_a_large_body_costs_nothing_without_a_key(api: RunningApi):
    refused = api.client(None).post(
        ACCOUNTS, content=b" " * 1024 * 1024, headers={"Content-Type": "application/json"}
    )
    problem_of(refused, 401)


def test_a_client_that_never_ends_its_head_is_put_out(api: RunningApi):
    with api.raw() as silent, api.raw() as slow:
        slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
        for connection in (silent, slow):
            connection.settimeout(20)
            with suppress(ConnectionResetError):
                assert connection.recv(1) == b""


def test_heads_and_trailers_have_an_end(api: RunningApi):
    many = "".join(f"X-{number}: x\r\n" for number in range(400))
    for flood in (many, "X-Long: " + "x" * 1024 * 1024):
        with api.raw() as connection, suppress(ConnectionResetError, BrokenPipeError):
            connection.sendall(f"GET /healthz HTTP/1.1\r\nHost: x\r\n{flood}".encode())
            assert connection.recv(1) == b""


def test_many_requests_at_once_are_all_answered(api: RunningApi):
    statuses: list[int] = []

    def ask() -> None:
        connection = HTTPConnection("127.0.0.1", api.port, timeout=30)
        for _ in range(20):
            connection.request(
                "GET", "/v1/profiles/twenty", headers={"Authorization": f"Bearer {OPERATOR_KEY}"}
            )
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 320


def test_the_document_names_every_operation_once_and_every_problem(api: RunningApi):
    document = api.client(None).get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    ids: list[str] = []
    for path, item in document["paths"].items():
        for operation in item.values():
            ids.append(operation["operationId"])
            assert operation["summary"]
            assert operation["tags"]
            if path.startswith("/v1/"):
                assert {"406", "500", "503"} <= set(operation["responses"])
    assert len(ids) == len(set(ids))
    assert "HTTPValidationError" not in json.dumps(document)
    assert document["components"]["schemas"]["Problem"]


def test_pages_that_load_scripts_from_elsewhere_are_not_there(api: RunningApi):
    for path in ("/docs", "/redoc"):
        problem_of(api.client(None).get(path), 404)


def test_requests_are_counted_by_route_and_status(api: RunningApi):
    api.operator.get(f"{ACCOUNTS}/no-such-account")
    metrics = api.client(None).get("/metrics").text
    counted = [
        line
        for line in metrics.splitlines()
        if line.startswith("pipeline_api_requests_total{")
        and all(text in line for text in ('"GET"', '"/v1/accounts/{account}"', '"4xx"'))
    ]
    assert float(counted[0].rsplit(" ", 1)[1]) >= 1
    assert "no-such-account" not in metrics
    assert "pipeline_api_requests_duration_seconds_total{" in metrics
