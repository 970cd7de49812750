"""The least that can be done: consume, sign, POST, produce a note of it, commit. One process.

`python -m benchmarks.bare_loop --servers HOST:PORT --source TOPIC --notes TOPIC --url URL`. It is
the limit that the pipeline is compared with: no tables, no routing, no retries, no order, no bounds
per endpoint. It uses the pipeline's own HTTP client, because no faster one was found.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hmac
import logging
import signal
import sys
import time
from collections import deque
from typing import Any, Final, NamedTuple

import uvloop
from confluent_kafka import Consumer, Message, Producer, TopicPartition

from benchmarks.endpoint_layouts import IN_FLIGHT
from pipeline.adapters.http.curl_client import ClientSettings, CurlClient, open_client
from pipeline.adapters.http.exchange import PreparedRequest, header_lines
from pipeline.adapters.kafka.sink import PRODUCER_SETTINGS
from pipeline.domain.addresses import parse_rules
from pipeline.domain.urls import ParsedUrl, parse_url
from pipeline.supervisor.parent import follow_parent

GROUP: Final = "bare-loop"
_SECRET: Final = b"a secret of 24 bytes ..."
_MOST_AT_ONCE: Final = 500
_POLL_SECONDS: Final = 0.1
_MOST_BATCHES: Final = 4
_TIMEOUT_MS: Final = 15_000


class _Batch:
    """Records of one poll; committed when all are done, after those before it."""

    def __init__(self, messages: list[Message]) -> None:
        self.left = len(messages)
        ends: dict[tuple[str, int], int] = {}
        for message in messages:
            place = (message.topic() or "", message.partition() or 0)
            ends[place] = (message.offset() or 0) + 1
        self.ends = [TopicPartition(*place, end) for place, end in ends.items()]


class _Work(NamedTuple):
    batch: _Batch
    value: bytes
    offset: int


class BareLoop:
    """`IN_FLIGHT` workers over one queue."""

    def __init__(self, options: argparse.Namespace, client: CurlClient) -> None:
        connection: dict[str, Any] = {
            "bootstrap.servers": options.servers,
            "logger": logging.getLogger("librdkafka"),
        }
        self._consumer = Consumer(
            {
                **connection,
                "group.id": GROUP,
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
            }
        )
        self._consumer.subscribe([options.source])
        self._producer = Producer({**PRODUCER_SETTINGS, **connection, "linger.ms": 5})
        self._notes: str = options.notes
        self._url: ParsedUrl = parse_url(options.url)
        self._client = client
        self._queue: asyncio.Queue[_Work] = asyncio.Queue()
        self._batches: deque[_Batch] = deque()
        self._room = asyncio.Event()
        self._keyed = hmac.new(_SECRET, digestmod="sha256")

    async def run(self) -> None:
        """Until it is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(IN_FLIGHT):
                tasks.create_task(self._work())
            await self._fetch()

    async def _fetch(self) -> None:
        while True:
            messages = await asyncio.to_thread(self._poll)
            if messages:
                batch = _Batch(messages)
                self._batches.append(batch)
                for message in messages:
                    value = message.value()
                    assert isinstance(value, bytes)
                    self._queue.put_nowait(_Work(batch, value, message.offset() or 0))
            while len(self._batches) >= _MOST_BATCHES:
                self._room.clear()
                await self._room.wait()

    def _poll(self) -> list[Message]:
        first = self._consumer.poll(_POLL_SECONDS)
        if first is None:
            return []
        found = [first, *self._consumer.consume(_MOST_AT_ONCE - 1, 0)]
        return [message for message in found if message.error() is None]

    async def _work(self) -> None:
        while True:
            batch, value, offset = await self._queue.get()
            answer = await self._client.post(self._request(value, offset))
            note = b'{"offset":%d,"status":%d,"ms":%.3f,"url":"%s","attempt":1,"accepted":true}' % (
                offset,
                answer.status,
                answer.phases.total_ms,
                self._url.host_and_port.encode(),
            )
            self._producer.produce(self._notes, note)
            batch.left -= 1
            if not batch.left:
                self._commit_finished()

    def _request(self, body: bytes, offset: int) -> PreparedRequest:
        timestamp = str(int(time.time()))
        webhook_id = f"msg_{offset:026d}"
        digest = self._keyed.copy()
        digest.update(f"{webhook_id}.{timestamp}.".encode())
        digest.update(body)
        headers = (
            ("content-type", "application/json"),
            ("webhook-id", webhook_id),
            ("user-agent", "bare-loop"),
            ("webhook-timestamp", timestamp),
            ("webhook-signature", "v1," + base64.b64encode(digest.digest()).decode()),
        )
        return PreparedRequest(self._url, header_lines(headers), body, _TIMEOUT_MS)

    def _commit_finished(self) -> None:
        self._producer.poll(0)
        while self._batches and not self._batches[0].left:
            self._consumer.commit(offsets=self._batches.popleft().ends, asynchronous=True)
        self._room.set()

    def close(self) -> None:
        self._producer.flush(5)
        self._consumer.close()


async def run(options: argparse.Namespace) -> None:
    """Until SIGTERM."""
    settings = ClientSettings(rules=parse_rules(("127.0.0.0/8",)))
    async with open_client(settings) as client:
        loop = BareLoop(options, client)
        running = asyncio.get_running_loop().create_task(loop.run())
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
        try:
            await running
        except asyncio.CancelledError:
            pass
        finally:
            loop.close()


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="bare_loop", description=__doc__)
    for name in ("--servers", "--source", "--notes", "--url"):
        parser.add_argument(name, required=True)
    follow_parent()
    uvloop.run(run(parser.parse_args(words)))


if __name__ == "__main__":
    main(sys.argv[1:])
