"""An ASGI application served over HTTP, until it is told to stop."""

from __future__ import annotations

import resource
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from starlette.types import ASGIApp
from uvicorn import Config, Server

from pipeline.adapters.serving.connection import Connection

_KEEP_ALIVE_SECONDS: Final = 75
"""Longer than load balancers keep an idle connection: they close it, and know that they did."""
_SPARE_FILES: Final = 256
"""For everything but connections."""
_LEAST_CONNECTIONS: Final = 64
_WANTED_FILES: Final = 65_536


@dataclass(frozen=True, slots=True)
class Serving:
    """How to serve."""

    drain_seconds: float
    """At the end, for requests under way."""
    trusted_proxies: Sequence[str] = ()
    """Networks of proxies whose word is taken for a client's address."""


class ApiServer:
    """Serves on a socket that listens already. Event loop only."""

    def __init__(
        self,
        app: ASGIApp,
        listener: socket.socket,
        serving: Serving,
        *,
        end_streams: Callable[[], None],
    ) -> None:
        """`end_streams`: called when it stops, for answers that would go on for ever."""
        self._listener = listener
        self._server = _EndingServer(
            Config(
                cast("Any", app),
                http=Connection,
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                log_level="error",
                access_log=False,
                server_header=False,
                proxy_headers=bool(serving.trusted_proxies),
                forwarded_allow_ips=list(serving.trusted_proxies),
                limit_concurrency=_most_connections(),
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=cast("int", serving.drain_seconds),
            ),
            end_streams,
        )

    @property
    def is_serving(self) -> bool:
        """Whether requests are taken."""
        return self._server.started and not self._server.should_exit

    async def serve(self) -> None:
        """Until `stop`, SIGTERM or SIGINT; requests under way are then finished, in their time."""
        await self._server.serve(sockets=[self._listener])

    def stop(self) -> None:
        """Soon."""
        self._server.should_exit = True


class _EndingServer(Server):
    """Says that it stops before it waits for what is under way."""

    def __init__(self, config: Config, end_streams: Callable[[], None]) -> None:
        super().__init__(config)
        self._end_streams = end_streams

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._end_streams()
        await super().shutdown(sockets)


def _most_connections() -> int:
    """As many as there are files for, of which most systems give few unless they are asked."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _WANTED_FILES if hard == resource.RLIM_INFINITY else min(_WANTED_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    most = _WANTED_FILES if soft == resource.RLIM_INFINITY else soft
    return max(most - _SPARE_FILES, _LEAST_CONNECTIONS)
