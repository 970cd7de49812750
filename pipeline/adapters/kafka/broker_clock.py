"""How far this machine's clock is ahead of the brokers', learnt from what they acknowledge."""

from __future__ import annotations

from typing import Final

WINDOW_SECONDS: Final = 5.0
"""The clock may be stepped: what is older than twice this counts no more, once there is newer."""


class BrokerClock:
    """An acknowledgement comes some time after the append: the least difference is the truest."""

    def __init__(self) -> None:
        self._began_at: float | None = None
        self._least: int | None = None
        self._before: int | None = None
        self.ahead_ms = 0
        """Ours minus theirs; 0 until something was acknowledged."""

    def note(self, ahead_ms: int, *, at_seconds: float) -> None:
        """A record that was acknowledged now had been appended so long ago, by the two clocks."""
        if self._began_at is None or at_seconds - self._began_at > WINDOW_SECONDS:
            self._began_at, self._before, self._least = at_seconds, self._least, None
        self._least = ahead_ms if self._least is None else min(self._least, ahead_ms)
        self.ahead_ms = self._least if self._before is None else min(self._least, self._before)
