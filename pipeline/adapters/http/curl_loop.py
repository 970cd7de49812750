"""Lets libcurl work on the event loop: many transfers, no thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

import pycurl

from pipeline.adapters.http.curl_exchange import CurlExchange, Easy
from pipeline.adapters.http.curl_failures import CLOSED
from pipeline.adapters.http.curl_sockets import WatchSockets

_TIMER_SLACK_SECONDS = 0.002


class Ended(NamedTuple):
    """How a transfer ended: libcurl's code (0 = well) and text."""

    code: int
    text: str


_WELL = Ended(pycurl.E_OK, "")

OnEnded = Callable[[Ended], None]
"""Called once when a transfer has ended, unless it was abandoned. It runs between libcurl's own
steps: it may take note of the end, and nothing else."""


class CurlLoop:
    """One multi handle with its sockets and its timer, on the running event loop."""

    def __init__(self, most_idle_connections: int, watch: WatchSockets) -> None:
        self._loop = asyncio.get_running_loop()
        self._multi: Any = pycurl.CurlMulti()
        self._watch = watch(self._loop, self._act)
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch.want)
        self._multi.setopt(pycurl.M_MAXCONNECTS, most_idle_connections)
        self._running: dict[Easy, OnEnded] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._kick: asyncio.Handle | None = None

    @property
    def running(self) -> int:
        """How many transfers are under way."""
        return len(self._running)

    def socket_opened(self, fd: int) -> None:
        """An exchange's handle has opened this socket."""
        self._watch.socket_opened(fd)

    def start(self, exchange: CurlExchange, on_ended: OnEnded) -> None:
        """Begin a transfer with all others that begin in this turn of the event loop."""
        self._running[exchange.easy] = on_ended
        self._multi.add_handle(exchange.easy)
        if self._kick is None:
            self._kick = self._loop.call_soon(self._go_on)

    def start_at_once(self, exchange: CurlExchange, on_ended: OnEnded) -> None:
        """Begin a transfer now: what it loads into libcurl is there for the next one."""
        self.start(exchange, on_ended)
        self._go_on()

    def abandon(self, exchange: CurlExchange) -> None:
        """End a transfer that nobody waits for any more, with its connection."""
        if self._running.pop(exchange.easy, None) is not None:
            self._multi.remove_handle(exchange.easy)

    def close(self) -> None:
        """End all transfers and close all connections."""
        for handle in (self._kick, self._timer):
            if handle is not None:
                handle.cancel()
        for easy in list(self._running):
            self._end(easy, Ended(CLOSED, "the sender is shutting down"))
        self._multi.close()
        self._watch.close()

    def _act(self, ready: list[tuple[int, int]]) -> None:
        action = self._multi.socket_action
        still_running = len(self._running)
        for fd, bits in ready:
            still_running = action(fd, bits)[1]
        if still_running < len(self._running):
            self._end_finished()
        self._set_timer()

    def _go_on(self) -> None:
        if self._kick is not None:
            self._kick.cancel()
            self._kick = None
        self._act([(pycurl.SOCKET_TIMEOUT, 0)])

    def _end_finished(self) -> None:
        queued = 1
        while queued:
            queued, succeeded, failed = self._multi.info_read()
            for easy in succeeded:
                self._end(easy, _WELL)
            for easy, code, text in failed:
                self._end(easy, Ended(code, text))

    def _end(self, easy: Easy, ended: Ended) -> None:
        self._multi.remove_handle(easy)
        self._running.pop(easy)(ended)

    def _set_timer(self) -> None:
        """Wake up when libcurl wants to; a timer that is too early costs less than moving it."""
        wait_ms = self._multi.timeout()
        if wait_ms < 0:
            return
        if wait_ms == 0:
            if self._kick is None:
                self._kick = self._loop.call_soon(self._go_on)
            return
        due = self._loop.time() + wait_ms / 1000
        if self._timer is not None:
            if self._timer.when() <= due + _TIMER_SLACK_SECONDS:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(due, self._time_is_up)

    def _time_is_up(self) -> None:
        self._timer = None
        self._go_on()
