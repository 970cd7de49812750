"""What answers on the API's port: `/healthz` and `/readyz` for all that `up` runs."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from pipeline.telemetry.health_server import Health, HealthServer

Judge = Callable[[], Health]
"""Says how all stands. Called by many threads."""

_STARTING: Final = Health(is_alive=True, is_ready=False, detail={"waiting_for": "kafka"})


class PortRefused(Exception):
    """The API's port or host cannot be had; the text names the setting."""


class Front:
    """Answers from the moment it is made; not ready until it is told whom to ask.

    Raises:
        PortRefused: see there.
    """

    def __init__(self, host: str, port: int) -> None:
        self._judge: Judge = lambda: _STARTING
        try:
            self._server = HealthServer(host, port, judge=self._now)
        except OSError as exc:
            raise PortRefused(
                f"port {port} on {host} cannot be used: {exc.strerror}; end what listens there, or "
                "set PIPELINE_API__PORT to another port (PIPELINE_API__HOST names the address)"
            ) from exc
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self._server.port}"

    def judge_by(self, judge: Judge) -> None:
        """From now on."""
        self._judge = judge

    def _now(self) -> Health:
        return self._judge()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
