"""The API, put together: one process of it, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from contextlib import AsyncExitStack
from typing import Final

from pipeline.adapters.serving.listener import open_listener, url_of
from pipeline.adapters.serving.server import ApiServer, Serving
from pipeline.api.app import application
from pipeline.engine.tasks import Tasks
from pipeline.ports import SinkFailed, SourceFailed
from pipeline.supervisor.parent import inherited_listener, status_port
from pipeline.telemetry.health_server import Health, HealthServer
from pipeline.telemetry.setup import TelemetryTarget, start_telemetry
from pipeline.telemetry.tally import Tally
from pipeline.wiring.api_parts import ApiParts, open_api
from pipeline.wiring.api_surroundings import ApiSurroundings
from pipeline.wiring.late_store import LateStore
from pipeline.wiring.registry_store import opened_registry
from pipeline.wiring.stage_process import Surroundings, check_topics, rest_the_collector
from pipeline.wiring.whole_standing import standing_by

log = logging.getLogger(__name__)

_BEAT_SECONDS: Final = 1.0
_SILENT_SECONDS: Final = 30.0
"""An event loop that has not had its turn for so long is stuck."""


async def serve_api(surroundings: Surroundings) -> None:
    """Run until SIGTERM or SIGINT.

    Raises TopicsUnfit, PortRefused, UnusableKey, and what ended it otherwise: the process must then
    start anew.
    """
    stops = surroundings.stops
    async with AsyncExitStack() as closing:
        process = _ApiProcess(surroundings, closing)
        closing.enter_context(stops.answered_by(process.stop_soon))
        try:
            await process.run()
        except asyncio.CancelledError:
            if process.failure is not None:
                raise process.failure from None
            if not stops.is_asked:
                raise
        except (SourceFailed, SinkFailed) as error:
            if not stops.is_asked:
                raise
            log.warning("ended as it was told to, and otherwise would have anew: %s", error)


class _ApiProcess:
    """Run once."""

    def __init__(self, surroundings: Surroundings, closing: AsyncExitStack) -> None:
        self._at = surroundings
        self._closing = closing
        self._tally = Tally()
        self._server: ApiServer | None = None
        self._store = LateStore(lambda: opened_registry(surroundings.settings))
        self._failure: BaseException | None = None
        self._last_beat = time.monotonic()
        self._running = asyncio.current_task()
        self._events = asyncio.get_running_loop()

    @property
    def failure(self) -> BaseException | None:
        """What ended it while it was being put together."""
        return self._failure

    def stop_soon(self) -> None:
        """End in order. May be called between any two steps of the main thread."""
        self._events.call_soon_threadsafe(self._stop)

    def _stop(self) -> None:
        if self._server is not None:
            self._server.stop()
        elif self._running is not None:
            # It still waits for its tables.
            self._running.cancel()

    async def run(self) -> None:
        at = self._at
        self._serve_health()
        listener = self._listener()
        await asyncio.to_thread(check_topics, at.topics, at.topic_file)
        self._closing.callback(self._store.close)
        tasks = Tasks(self._fail)
        try:
            await self._store.try_open()
            parts = await open_api(self._surroundings(), self._closing)
            for work in (self._store.keep_trying, self._beat, *parts.work):
                tasks.start(work())
            rest_the_collector()
            await self._serve(parts, listener)
        finally:
            await tasks.close()
        if self._failure is not None:
            raise self._failure

    def _surroundings(self) -> ApiSurroundings:
        return ApiSurroundings(
            process=self._at,
            store=self._store.parts,
            tally=self._tally,
            standing=standing_by(self._judge, status_port()),
            fail=self._fail,
        )

    async def _serve(self, parts: ApiParts, listener: socket.socket) -> None:
        settings = self._at.settings
        if self._failure is not None:
            return
        self._server = ApiServer(
            parts.pages.in_front_of(application(parts.application)),
            listener,
            Serving(settings.stage.drain_seconds, settings.api.trusted_proxies),
            end_streams=parts.pages.end_streams,
        )
        log.info("the API answers on %s", url_of(listener))
        await self._server.serve()

    def _listener(self) -> socket.socket:
        inherited = inherited_listener()
        if inherited is not None:
            return inherited
        api = self._at.settings.api
        listener = open_listener(api.host, api.port)
        self._closing.callback(listener.close)
        return listener

    def _fail(self, failure: BaseException) -> None:
        if self._failure is None:
            log.error("cannot go on: %s", failure)
            self._failure = failure
        self._stop()

    async def _beat(self) -> None:
        while True:
            self._last_beat = time.monotonic()
            await asyncio.sleep(_BEAT_SECONDS)

    def _serve_health(self) -> None:
        at = self._at
        settings = at.settings
        telemetry = start_telemetry(
            TelemetryTarget(
                stage=at.slot.stage,
                instance=at.slot.member,
                otlp_endpoint=settings.telemetry.otlp_endpoint,
                sample_ratio=settings.telemetry.sample_ratio,
            ),
            self._tally,
            gauges={},
        )
        self._closing.callback(telemetry.close)
        server = HealthServer(
            settings.stage.health_host, settings.stage.health_port, judge=self._judge
        )
        self._closing.callback(server.close)
        at.slot.publish(server.port)

    def _judge(self) -> Health:
        """Ready without the store: events are accepted, and keys that are known still pass."""
        server = self._server
        if server is None:
            return Health(is_alive=True, is_ready=False, detail={"waiting_for": "tables"})
        is_alive = time.monotonic() - self._last_beat < _SILENT_SECONDS
        return Health(
            is_alive=is_alive,
            is_ready=is_alive and server.is_serving,
            detail={"stage": self._at.slot.stage, "store": self._store.is_open},
        )
