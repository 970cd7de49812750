"""Sends HTTP requests with libcurl: the cheapest way measured (see benchmarks/)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from pipeline.adapters.http.curl_exchange import CurlExchange, Dialling, HandleSettings
from pipeline.adapters.http.curl_loop import CurlLoop
from pipeline.adapters.http.curl_sockets import WatchSockets, watch_sockets
from pipeline.adapters.http.egress import EgressProxy, in_brackets
from pipeline.adapters.http.exchange import (
    Answer,
    Blocked,
    Fault,
    PreparedRequest,
    SendFailed,
    TimedOut,
    Unreachable,
)
from pipeline.adapters.http.guard import HIT_SECONDS, Guard, Vetted
from pipeline.adapters.http.lookup_threads import Lookup, look_up_by_system
from pipeline.adapters.http.transfer import OnEnd, Transfer
from pipeline.adapters.http.trust import trusted_authorities
from pipeline.domain.addresses import AddressRules
from pipeline.domain.urls import ParsedUrl

IDLE_SECONDS = 60
LIFETIME_SECONDS = 300
MOST_IDLE_HANDLES = 1_024
MOST_HOSTS_LOADED = 20_000

logger = logging.getLogger(__name__)


class ClientSettings(NamedTuple):
    """What an operator decides about sending."""

    rules: AddressRules = AddressRules()
    additional_authorities: Path | None = None
    """PEM file, beside the public authorities."""
    proxy: EgressProxy | None = None
    idle_connections: int = 1_024
    """How many connections are kept open for another request, over all hosts."""
    name_seconds: float = HIT_SECONDS
    """How long the addresses of a name are used before it is looked up again."""
    lookup: Lookup = look_up_by_system
    watch: WatchSockets = watch_sockets


class Way(NamedTuple):
    """How a host is dialled, as long as nothing of it is vetted anew."""

    vetted: Vetted
    proxy_vetted: Vetted | None
    dialling: Dialling


class CurlClient:
    """Sends requests, all of them guarded by the address rules. Made by `open_client`.

    The caller bounds how many requests are under way at once.
    """

    def __init__(self, settings: ClientSettings, authorities: Path) -> None:
        self._proxy = settings.proxy
        self._handle_settings = HandleSettings(
            authorities, IDLE_SECONDS, LIFETIME_SECONDS, settings.proxy
        )
        self._loop = asyncio.get_running_loop()
        self._guard = Guard(settings.rules, settings.lookup, hit_seconds=settings.name_seconds)
        proxy_names = frozenset[str]() if self._proxy is None else frozenset({self._proxy.host})
        self._proxy_guard = Guard(AddressRules(names=proxy_names), settings.lookup)
        self._transfers = CurlLoop(settings.idle_connections, settings.watch)
        self._idle: list[CurlExchange] = []
        self._ways: dict[str, Way] = {}
        self._vetting: set[asyncio.Task[None]] = set()
        self._is_closed = False

    async def post(self, request: PreparedRequest) -> Answer:
        """Send `request` and read the whole answer. Raises TimedOut, Unreachable, Blocked."""
        ended = asyncio.Event()
        transfer = self.start(request, ended.set)
        try:
            await ended.wait()
            return transfer.answer()
        finally:
            transfer.close()

    def start(self, request: PreparedRequest, on_end: OnEnd) -> Transfer:
        """Send `request` and read the whole answer, of whatever status; redirects are not followed.

        A request whose kept-alive connection turns out to be dead before the first line of an
        answer came is sent again on a new one.
        """
        transfer = Transfer(on_end, self._put_back)
        way = self._ways.get(request.url.host_and_port)
        if (
            way is None
            or way.vetted is not self._guard.known(request.url.host)
            or self._proxy is not None
            or self._is_closed
        ):
            self._start_after_vetting(request, transfer)
        else:
            self._begin(transfer, request, way, timeout_ms=request.timeout_ms)
        return transfer

    def close(self) -> None:
        """Close every connection; requests under way end as Unreachable (`closed`)."""
        self._is_closed = True
        self._guard.close()
        self._proxy_guard.close()
        self._transfers.close()
        for exchange in self._idle:
            exchange.close()
        self._idle.clear()

    def _start_after_vetting(self, request: PreparedRequest, transfer: Transfer) -> None:
        def ended(task: asyncio.Task[None]) -> None:
            self._vetting.discard(task)
            if task.cancelled():
                transfer.fail(_closed())
            elif (error := task.exception()) is not None:
                transfer.fail(error)

        task = self._loop.create_task(self._vet_and_begin(request, transfer))
        self._vetting.add(task)
        task.add_done_callback(ended)

    async def _vet_and_begin(self, request: PreparedRequest, transfer: Transfer) -> None:
        started_at = self._loop.time()
        way = await self._vet(request)
        dns_ms = (self._loop.time() - started_at) * 1000
        timeout_ms = request.timeout_ms - int(dns_ms)
        if timeout_ms <= 0:
            raise TimedOut(f"looking up {request.url.host} took all of {request.timeout_ms} ms")
        if self._is_closed:
            raise _closed()
        if not transfer.is_closed:
            self._begin(transfer, request, way, timeout_ms=timeout_ms, dns_ms=dns_ms)

    async def _vet(self, request: PreparedRequest) -> Way:
        url = request.url
        vetted = await self._guard.vetted(url.host, request.timeout_ms)
        proxy_vetted = None
        if self._proxy is not None:
            proxy_vetted = await self._vet_proxy(self._proxy, request.timeout_ms)
        known = self._ways.get(url.host_and_port)
        if known and known.vetted is vetted and known.proxy_vetted is proxy_vetted:
            return known
        return Way(vetted, proxy_vetted, self._dialling(url, vetted, proxy_vetted))

    async def _vet_proxy(self, proxy: EgressProxy, timeout_ms: int) -> Vetted:
        try:
            return await self._proxy_guard.vetted(proxy.host, timeout_ms)
        except (Blocked, Unreachable) as exc:
            logger.warning("the egress proxy cannot be dialled: %s", exc)
            raise Unreachable("the egress proxy has no address", fault=Fault.PROXY) from exc

    def _dialling(self, url: ParsedUrl, vetted: Vetted, proxy_vetted: Vetted | None) -> Dialling:
        to_load = [f"-{self._forget_oldest()}"] if len(self._ways) >= MOST_HOSTS_LOADED else []
        if self._proxy is None or proxy_vetted is None:
            to_load.append(_table_entry(url.host_and_port, vetted))
            return Dialling(frozenset(vetted.addresses), to_load)
        to_load.append(_table_entry(self._proxy.host_and_port, proxy_vetted))
        return Dialling(frozenset(proxy_vetted.addresses), to_load, vetted.addresses[0])

    def _forget_oldest(self) -> str:
        oldest = next(iter(self._ways))
        del self._ways[oldest]
        return oldest

    def _begin(
        self,
        transfer: Transfer,
        request: PreparedRequest,
        way: Way,
        *,
        timeout_ms: int,
        dns_ms: float = 0.0,
    ) -> None:
        exchange = self._idle.pop() if self._idle else self._new_exchange()
        transfer.begin(exchange, dns_ms)
        dialling = way.dialling
        exchange.prepare(request, dialling, timeout_ms)
        if dialling.to_load is None:
            self._transfers.start(exchange, transfer.end)
            return
        # At once: whoever comes next relies on the addresses being in libcurl's table.
        self._transfers.start_at_once(exchange, transfer.end)
        key = request.url.host_and_port
        self._ways.pop(key, None)
        self._ways[key] = way._replace(dialling=dialling._replace(to_load=None))

    def _new_exchange(self) -> CurlExchange:
        return CurlExchange(self._handle_settings, self._transfers.socket_opened)

    def _put_back(self, exchange: CurlExchange) -> None:
        self._transfers.abandon(exchange)
        exchange.clear()
        if self._is_closed or len(self._idle) >= MOST_IDLE_HANDLES:
            exchange.close()
        else:
            self._idle.append(exchange)


def _closed() -> SendFailed:
    return Unreachable("the sender is shutting down", fault=Fault.CLOSED)


def _table_entry(host_and_port: str, vetted: Vetted) -> str:
    addresses = ",".join(in_brackets(address) for address in vetted.addresses)
    return f"{host_and_port}:{addresses}"


@asynccontextmanager
async def open_client(settings: ClientSettings) -> AsyncGenerator[CurlClient]:
    """A client on the running event loop; logs what the operator allows beyond public addresses."""
    rules = settings.rules
    for allowed in (*rules.networks, *sorted(rules.names)):
        logger.info("webhooks may be sent to %s although it may not be public", allowed)
    with trusted_authorities(settings.additional_authorities) as authorities:
        client = CurlClient(settings, authorities)
        try:
            yield client
        finally:
            client.close()
