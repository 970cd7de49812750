from __future__ import annotations

import asyncio
import gc
import os
import resource
import stat
import sys
from pathlib import Path

import pytest
import uvloop

from pipeline.adapters.http.curl_client import CurlClient, open_client
from pipeline.adapters.http.exchange import Fault, TimedOut, Unreachable
from tests.http.conftest import SETTINGS, a_post, client_that_looks_up
from tests.http.servers import OK, answering, read_request, serving, silence, wait_until


def count_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def open_sockets() -> list[int]:
    return [
        int(entry.name)
        for entry in Path("/proc/self/fd").iterdir()
        if entry.exists() and stat.S_ISSOCK(entry.stat().st_mode)
    ]


async def test_a_connection_is_kept_for_the_next_request(client: CurlClient):
    async with serving(answering(OK)) as server:
        for _ in range(20):
            await client.post(a_post(f"http://127.0.0.1:{server.port}/"))
    assert server.connections == 1


async def test_a_request_on_a_dead_connection_is_sent_again_on_a_new_one(client: CurlClient):
    """The server reads the second request on the first connection, and hangs up on it."""
    seen: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_first_connection = not seen
        seen.append(await read_request(reader))
        writer.write(OK)
        await writer.drain()
        seen.append(await read_request(reader))
        if not is_first_connection:
            writer.write(OK)
            await writer.drain()

    async with serving(talk) as server:
        url = f"http://127.0.0.1:{server.port}/"
        await client.post(a_post(url, body=b"1"))
        answer = await client.post(a_post(url, body=b"2"))
    assert answer.status == 200
    assert [request[-1:] for request in seen] == [b"1", b"2", b"2"]
    assert server.connections == 2


async def test_a_request_on_a_new_connection_is_never_sent_again(client: CurlClient):
    seen: list[bytes] = []

    async def hang_up(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        seen.append(await read_request(reader))

    async with serving(hang_up) as server:
        with pytest.raises(Unreachable) as failed:
            await client.post(a_post(f"http://127.0.0.1:{server.port}/"))
    assert failed.value.fault is Fault.RESET
    assert len(seen) == 1


async def test_a_request_whose_answer_has_begun_is_never_sent_again(client: CurlClient):
    seen: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await read_request(reader))
        writer.write(OK)
        await writer.drain()
        seen.append(await read_request(reader))
        writer.write(b"HTTP/1.1 200 OK\r\n")
        await writer.drain()

    async with serving(talk) as server:
        url = f"http://127.0.0.1:{server.port}/"
        await client.post(a_post(url))
        with pytest.raises(Unreachable):
            await client.post(a_post(url))
    assert len(seen) == 2


async def test_300_requests_at_once_are_all_answered(client: CurlClient):
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            body = (await read_request(reader)).partition(b"\r\n\r\n")[2]
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            await writer.drain()

    async with serving(echo) as server:
        url = f"http://127.0.0.1:{server.port}/"

        async def send(number: int) -> bytes:
            return (await client.post(a_post(url, body=b"%d" % number))).body

        for _ in range(3):
            answers = await asyncio.gather(*(send(number) for number in range(300)))
            assert answers == [b"%d" % number for number in range(300)]
    assert server.connections <= 300


async def test_idle_connections_are_bounded():
    settings = SETTINGS._replace(idle_connections=5)
    async with serving(answering(OK)) as server, open_client(settings) as client:
        url = f"http://127.0.0.1:{server.port}/"
        await asyncio.gather(*(client.post(a_post(url)) for _ in range(40)))
        await wait_until(lambda: server.open_connections <= 5)
        assert server.open_connections == 5


async def test_a_cancelled_request_ends_its_connection_and_leaves_the_client_usable(
    client: CurlClient,
):
    async with serving(silence) as silent, serving(answering(OK)) as server:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(client.post(a_post(f"http://127.0.0.1:{silent.port}/")))
                for _ in range(10)
            ]
            await wait_until(lambda: silent.open_connections == 10)
            for task in tasks:
                task.cancel()
        await wait_until(lambda: silent.open_connections == 0)
        answer = await client.post(a_post(f"http://127.0.0.1:{server.port}/"))
        assert answer.status == 200
    assert all(task.cancelled() for task in tasks)


async def test_closing_ends_requests_under_way_and_frees_every_descriptor():
    gc.collect()
    before = count_descriptors()
    async with serving(silence) as silent, serving(answering(OK)) as server:
        async with asyncio.TaskGroup() as group, open_client(SETTINGS) as client:
            url = f"http://127.0.0.1:{server.port}/"
            await asyncio.gather(*(client.post(a_post(url)) for _ in range(30)))
            waiting = [
                group.create_task(_failure_of(client, f"http://127.0.0.1:{silent.port}/"))
                for _ in range(10)
            ]
            await wait_until(lambda: silent.open_connections == 10)
        faults = [task.result() for task in waiting]
    assert faults == [Fault.CLOSED] * 10
    await wait_until(lambda: count_descriptors() <= before)


async def _failure_of(client: CurlClient, url: str) -> Fault:
    with pytest.raises(Unreachable) as failed:
        await client.post(a_post(url))
    return failed.value.fault


async def test_no_child_process_inherits_a_connection(client: CurlClient):
    async with serving(answering(OK)) as server:
        await client.post(a_post(f"http://127.0.0.1:{server.port}/"))
        sockets = open_sockets()
        assert len(sockets) >= 3
        assert not any(os.get_inheritable(fd) for fd in sockets)


async def test_running_out_of_descriptors_is_said_and_passes(client: CurlClient):
    async with serving(answering(OK)) as server:
        url = f"http://127.0.0.1:{server.port}/"
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (1, hard))
            with pytest.raises(Unreachable, match="Too many open files") as failed:
                await client.post(a_post(url))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert (await client.post(a_post(url))).status == 200
    assert failed.value.fault is Fault.OTHER


async def test_a_closed_client_sends_nothing():
    async with open_client(SETTINGS) as client:
        pass
    assert await _failure_of(client, "http://127.0.0.1:9/") is Fault.CLOSED


async def test_thousands_of_connections_leak_no_descriptor_and_no_memory(client: CurlClient):
    closing = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    async with serving(answering(closing)) as server:
        url = f"http://127.0.0.1:{server.port}/"

        async def send(times: int) -> None:
            for _ in range(times):
                await client.post(a_post(url))

        await asyncio.gather(*(send(20) for _ in range(20)))
        descriptors = count_descriptors()
        peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        await asyncio.gather(*(send(100) for _ in range(20)))
        await wait_until(lambda: server.open_connections == 0)
        assert count_descriptors() <= descriptors + 20
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak_kib < 32 * 1024
    assert server.connections == 2_400


async def test_an_idle_connection_that_the_server_ended_costs_nothing_and_is_replaced(
    client: CurlClient,
):
    async def one_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(OK)
        await writer.drain()

    async with serving(one_answer) as server:
        for number in range(5):
            answer = await client.post(a_post(f"http://127.0.0.1:{server.port}/"))
            assert answer.status == 200
            await wait_until(lambda: server.open_connections == 0)
            assert server.connections == number + 1


async def test_the_loop_rests_while_an_idle_connection_has_been_ended(client: CurlClient):
    async def one_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(OK)
        await writer.drain()

    async with serving(one_answer) as server:
        await client.post(a_post(f"http://127.0.0.1:{server.port}/"))
        await wait_until(lambda: server.open_connections == 0)
        cpu = os.times()
        await asyncio.sleep(0.3)
        used = os.times()
    assert used.user + used.system - cpu.user - cpu.system < 0.1


async def test_a_deadline_that_comes_later_but_ends_earlier_is_kept(client: CurlClient):
    loop = asyncio.get_running_loop()

    async def took(timeout_ms: int, port: int) -> float:
        started_at = loop.time()
        with pytest.raises(TimedOut):
            await client.post(a_post(f"http://127.0.0.1:{port}/", timeout_ms=timeout_ms))
        return loop.time() - started_at

    deadlines = [2_000, 800, 400, 150]
    tasks: list[asyncio.Task[float]] = []
    async with serving(silence) as server, asyncio.TaskGroup() as group:
        for number, timeout_ms in enumerate(deadlines):
            tasks.append(group.create_task(took(timeout_ms, server.port)))
            await wait_until(lambda begun=number + 1: server.connections == begun)
    for deadline_ms, task in zip(deadlines, tasks, strict=True):
        assert task.result() >= deadline_ms / 1000 - 0.01
    assert all(task.result() < 1.9 for task in tasks[1:])


async def test_a_large_body_is_not_held_on_to(client: CurlClient):
    async with serving(answering(OK)) as server:
        request = a_post(f"http://127.0.0.1:{server.port}/", body=b"x" * 1_000_000)
        before = sys.getrefcount(request.body)
        await client.post(request)
        after = sys.getrefcount(request.body)
    assert after == before


def test_it_works_on_uvloop_too():
    async def send() -> int:
        async with (
            serving(answering(OK)) as server,
            client_that_looks_up(("127.0.0.1",)) as client,
        ):
            url = f"http://name.test:{server.port}/"
            answers = await asyncio.gather(*(client.post(a_post(url)) for _ in range(300)))
            return sum(answer.status == 200 for answer in answers)

    assert uvloop.run(send()) == 300


async def test_environment_variables_name_no_proxy_and_no_credentials(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, client: CurlClient
):
    seen: list[bytes] = []
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with serving(answering(OK, seen=seen)) as server:
        answer = await client.post(a_post(f"http://127.0.0.1:{server.port}/"))
    assert answer.status == 200
    assert b"authorization" not in seen[0].lower()


async def test_cookies_are_not_kept(client: CurlClient):
    seen: list[bytes] = []
    cookie = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Path=/\r\nContent-Length: 0\r\n\r\n"
    async with serving(answering(cookie, seen=seen)) as server:
        for _ in range(2):
            await client.post(a_post(f"http://127.0.0.1:{server.port}/"))
    assert b"cookie" not in seen[1].lower()
