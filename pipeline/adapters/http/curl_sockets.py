"""Tells libcurl which of its sockets are ready.

libcurl says of every request when it begins and ceases to watch a socket, although a connection
that is used again wants the same as before. An epoll set of our own, itself watched by the event
loop, keeps sockets registered in between: no system call a request, one event for many sockets.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable
from typing import Protocol

import pycurl

Ready = Callable[[list[tuple[int, int]]], None]
"""Takes (socket, libcurl's action bits)."""

READ = pycurl.POLL_IN
WRITE = pycurl.POLL_OUT
_INTERESTS = {
    pycurl.POLL_NONE: 0,
    pycurl.POLL_IN: READ,
    pycurl.POLL_OUT: WRITE,
    pycurl.POLL_INOUT: READ | WRITE,
    pycurl.POLL_REMOVE: 0,
}
_MOST_EVENTS = 256


class SocketWatch(Protocol):
    """Watches sockets on behalf of libcurl."""

    def want(self, what: int, fd: int, _multi: object, _assigned: object) -> None:
        """libcurl's socket function: its interest in `fd` is now `what`."""
        ...

    def socket_opened(self, fd: int) -> None:
        """A socket is new; its number may have been another one's before."""
        ...

    def close(self) -> None: ...


class LoopWatch:
    """The event loop itself watches each socket: for systems without epoll."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ready: Ready) -> None:
        self._loop = loop
        self._ready = ready
        self._interest: dict[int, int] = {}

    def want(self, what: int, fd: int, _multi: object, _assigned: object) -> None:
        before = self._interest.pop(fd, 0)
        now = _INTERESTS[what]
        if now:
            self._interest[fd] = now
        if now & READ > before & READ:
            self._loop.add_reader(fd, self._ready, [(fd, pycurl.CSELECT_IN)])
        elif now & READ < before & READ:
            self._loop.remove_reader(fd)
        if now & WRITE > before & WRITE:
            self._loop.add_writer(fd, self._ready, [(fd, pycurl.CSELECT_OUT)])
        elif now & WRITE < before & WRITE:
            self._loop.remove_writer(fd)

    def socket_opened(self, fd: int) -> None:
        """Nothing to do: libcurl ended the watch of whatever had that number before."""

    def close(self) -> None:
        for fd in list(self._interest):
            self.want(pycurl.POLL_REMOVE, fd, None, None)


class EpollWatch:
    """An epoll set that keeps a socket registered while its connection waits for another use."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ready: Ready) -> None:
        self._loop = loop
        self._ready = ready
        self._epoll = select.epoll()
        self._interest: dict[int, int] = {}
        """What libcurl wants now."""
        self._registered: dict[int, int] = {}
        """What the kernel was told."""
        loop.add_reader(self._epoll.fileno(), self._collect)

    def want(self, what: int, fd: int, _multi: object, _assigned: object) -> None:
        interest = _INTERESTS[what]
        self._interest[fd] = interest
        if interest and self._registered.get(fd) != interest:
            self._register(fd, interest)

    def socket_opened(self, fd: int) -> None:
        """Closing the socket that had the number before ended its registration without a word."""
        self._registered.pop(fd, None)

    def close(self) -> None:
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()

    def _register(self, fd: int, interest: int) -> None:
        events = (select.EPOLLIN if interest & READ else 0) | (
            select.EPOLLOUT if interest & WRITE else 0
        )
        if fd in self._registered:
            self._epoll.modify(fd, events)
        else:
            self._epoll.register(fd, events)
        self._registered[fd] = interest

    def _collect(self) -> None:
        events = self._epoll.poll(0, _MOST_EVENTS)
        interest = self._interest
        self._ready(
            [
                (fd, pycurl.CSELECT_IN if event == select.EPOLLIN else _action(event))
                for fd, event in events
                if interest[fd] or self._is_forgotten(fd)
            ]
        )

    def _is_forgotten(self, fd: int) -> bool:
        """An idle connection ended, or spoke unasked: libcurl finds out when it is next used."""
        self._epoll.unregister(fd)
        del self._registered[fd], self._interest[fd]
        return False


def _action(event: int) -> int:
    action = 0
    if event & (select.EPOLLIN | select.EPOLLHUP):
        action |= pycurl.CSELECT_IN
    if event & select.EPOLLOUT:
        action |= pycurl.CSELECT_OUT
    if event & select.EPOLLERR:
        action |= pycurl.CSELECT_ERR
    return action


WatchSockets = Callable[[asyncio.AbstractEventLoop, Ready], SocketWatch]


def watch_sockets(loop: asyncio.AbstractEventLoop, ready: Ready) -> SocketWatch:
    """The better watch that this system has."""
    return EpollWatch(loop, ready) if hasattr(select, "epoll") else LoopWatch(loop, ready)
