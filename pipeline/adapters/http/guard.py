"""The guard before every connection: names are looked up once, and every answer is judged."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from ipaddress import ip_address
from typing import NamedTuple

from pipeline.adapters.http.exchange import Blocked, Fault, SendFailed, TimedOut, Unreachable
from pipeline.adapters.http.lookup_threads import LookedUp, Lookup, LookupThreads
from pipeline.domain.addresses import AddressRules, refusal

LOOKUP_SECONDS = 5.0
LOOKUP_THREADS = 64
HIT_SECONDS = 300.0
MISS_SECONDS = 30.0
MOST_NAMES_KNOWN = 20_000
MOST_NAMES_PENDING = 2_000
MOST_ADDRESSES_TRIED = 8

logger = logging.getLogger(__name__)


class Vetted(NamedTuple):
    """Where a host may be dialled until `expires_at` (the loop's time)."""

    addresses: tuple[str, ...]
    """In canonical spelling, in the order to try them; never empty."""
    expires_at: float


class Missed(NamedTuple):
    """Why a host may not be dialled, or cannot, until `expires_at` (the loop's time)."""

    fault: Fault | None
    """None where the address rules forbid it."""
    text: str
    address: str | None
    expires_at: float

    def failure(self) -> SendFailed:
        if self.fault is None:
            return Blocked(self.text, address=self.address)
        return Unreachable(self.text, fault=self.fault)


class Guard:
    """Vets hosts, and remembers that one may be dialled for `hit_seconds`, or why not for 30 s."""

    def __init__(
        self, rules: AddressRules, lookup: Lookup, *, hit_seconds: float = HIT_SECONDS
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._rules = rules
        self._hit_seconds = hit_seconds
        self._threads = LookupThreads(lookup, limit=LOOKUP_THREADS)
        self._known: dict[str, Vetted | Missed] = {}
        self._pending: dict[str, asyncio.Future[Vetted | Missed]] = {}

    def known(self, host: str) -> Vetted | None:
        """The addresses of a host that was vetted lately; None sends you to `vetted`."""
        verdict = self._known.get(host)
        if type(verdict) is Vetted and verdict.expires_at > self._loop.time():
            return verdict
        return None

    async def vetted(self, host: str, timeout_ms: int) -> Vetted:
        """Where a host (a name or an address) may be dialled.

        Raises Blocked if any one of its addresses is forbidden, Unreachable, TimedOut. Requests to
        one host share its lookup.
        """
        verdict = self._known.get(host)
        if verdict is None or verdict.expires_at <= self._loop.time():
            verdict = await self._find_out(host, timeout_ms)
        if isinstance(verdict, Missed):
            raise verdict.failure()
        return verdict

    def close(self) -> None:
        """Answer whoever waits that this side is shutting down."""
        for host in list(self._pending):
            self._settle(host, Missed(Fault.CLOSED, "the sender is shutting down", None, 0.0))
        self._threads.close()

    async def _find_out(self, host: str, timeout_ms: int) -> Vetted | Missed:
        if _is_address(host):
            verdict = self._judge(host, (host,))
            self._remember(host, verdict)
            return verdict
        pending = self._pending.get(host) or self._look_up(host)
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                return await asyncio.shield(pending)
        except TimeoutError as exc:
            raise TimedOut(f"looking up {host} took longer than {timeout_ms} ms") from exc

    def _look_up(self, host: str) -> asyncio.Future[Vetted | Missed]:
        future: asyncio.Future[Vetted | Missed] = self._loop.create_future()
        if len(self._pending) >= MOST_NAMES_PENDING:
            future.set_result(self._miss("too many names are being looked up at once"))
            return future
        self._pending[host] = future
        self._threads.start(host, self._looked_up)
        late = f"the DNS did not answer for {host} within {LOOKUP_SECONDS:g} s"
        timer = self._loop.call_later(LOOKUP_SECONDS, self._give_up, host, future, late)
        future.add_done_callback(lambda _: timer.cancel())
        return future

    def _give_up(self, host: str, future: asyncio.Future[Vetted | Missed], text: str) -> None:
        if self._pending.get(host) is future:
            self._settle(host, self._miss(text))

    def _looked_up(self, host: str, result: LookedUp) -> None:
        """Runs in a lookup thread."""
        try:
            self._loop.call_soon_threadsafe(partial(self._take_result, host, result))
        except RuntimeError:
            logger.debug("the answer for %s came after the end of the event loop", host)

    def _take_result(self, host: str, result: LookedUp) -> None:
        if host not in self._pending:
            return
        if isinstance(result, OSError):
            self._settle(host, self._miss(f"{host} has no address: {result.strerror or result}"))
        else:
            self._settle(host, self._judge(host, result))

    def _settle(self, host: str, verdict: Vetted | Missed) -> None:
        self._remember(host, verdict)
        future = self._pending.pop(host)
        if not future.done():
            future.set_result(verdict)

    def _judge(self, host: str, addresses: tuple[str, ...]) -> Vetted | Missed:
        for address in addresses:
            reason = refusal(address, host=host, rules=self._rules)
            if reason is not None:
                logger.warning("%s may not be dialled: %s", host, reason)
                expires_at = self._loop.time() + MISS_SECONDS
                return Missed(None, f"{host}: {reason}", address, expires_at)
        if not addresses:
            return self._miss(f"{host} has no address")
        tried = tuple(str(ip_address(address)) for address in addresses[:MOST_ADDRESSES_TRIED])
        return Vetted(tried, self._loop.time() + self._hit_seconds)

    def _miss(self, text: str) -> Missed:
        return Missed(Fault.DNS, text, None, self._loop.time() + MISS_SECONDS)

    def _remember(self, host: str, verdict: Vetted | Missed) -> None:
        self._known.pop(host, None)
        if len(self._known) >= MOST_NAMES_KNOWN:
            del self._known[next(iter(self._known))]
        self._known[host] = verdict


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
