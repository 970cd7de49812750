"""One endpoint's circuit: whether it may be tried now, and by how many requests at a time.

It belongs to the one process that owns the endpoint and knows nothing of clocks or requests: its
owner asks `allowance` before it starts an attempt, says `on_started`, and later how it ended.
Times must come from a clock that does not run backwards; if it does, an open circuit probes early
rather than never.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MAX_IN_FLIGHT: Final = 256
"""No endpoint may have more requests at a time."""


@dataclass(frozen=True, slots=True)
class CircuitRules:
    """When a circuit opens and how often it is probed."""

    failures: int = 20
    """So many in a row open it, ..."""
    deliveries: int = 2
    """... provided that they are of so many deliveries: one bad delivery is no dead endpoint."""
    first_probe_ms: int = 5_000
    longest_probe_ms: int = 300_000
    """The wait for a probe doubles up to this."""


@dataclass(slots=True)
class _Open:
    """The state of an open circuit."""

    since_ms: int
    wait_ms: int
    next_probe_at_ms: int
    is_probing: bool = False


class Circuit:
    """Closed, open, or latched because the endpoint is gone.

    A new one is closed and starts slowly: one request at a time, and with each success twice as
    many. Make a new one when the endpoint changes hands or is reactivated.
    """

    __slots__ = ("_allowed", "_failed", "_failures", "_gone", "_open", "_rules", "_version")

    def __init__(self, *, version: int, rules: CircuitRules = CircuitRules()) -> None:
        self._rules = rules
        self._version = version
        self._gone = False
        self._open: _Open | None = None
        self._allowed = 1
        self._failures = 0
        self._failed: set[str] = set()

    def __repr__(self) -> str:
        if self._gone:
            return f"<Circuit gone version={self._version}>"
        if self._open is not None:
            return f"<Circuit open next_probe_at_ms={self._open.next_probe_at_ms}>"
        return f"<Circuit closed allowed={self._allowed} failures={self._failures}>"

    @property
    def is_closed(self) -> bool:
        """Whether attempts may start without being probes."""
        return self._open is None and not self._gone

    @property
    def is_gone(self) -> bool:
        """Whether the endpoint answered that it is gone, and has not been changed since."""
        return self._gone

    @property
    def open_since_ms(self) -> int | None:
        """Since when it is open without a break; None while it is closed or gone."""
        return None if self._open is None or self._gone else self._open.since_ms

    @property
    def next_probe_at_ms(self) -> int | None:
        """When an open circuit lets the next request through; None while it is closed or gone."""
        return None if self._open is None or self._gone else self._open.next_probe_at_ms

    @property
    def most_at_once(self) -> int:
        """How many attempts a closed one lets run; it grows with each success."""
        return self._allowed

    def allowance(self, now_ms: int, *, in_flight: int, max_in_flight: int) -> int:
        """How many attempts may start now, besides those in flight. It is never negative.

        A probe is alone: it waits until what was in flight when the circuit opened has ended. So
        whatever ends after a probe began is that probe, and one whose end is never told (its
        partition was lost) is followed by another as soon as nothing is in flight.
        """
        if self._gone:
            return 0
        if self._open is None:
            most = min(self._allowed, max_in_flight)
            return most - in_flight if most > in_flight else 0
        return 1 if in_flight == 0 and _is_due(self._open, now_ms) else 0

    def on_started(self) -> None:
        """An attempt starts that `allowance` allowed; while the circuit is open it is the probe."""
        if self._open is not None:
            self._open.is_probing = True

    def on_success(self) -> None:
        """An attempt was acknowledged: an open circuit closes, or twice as many may start."""
        if self._open is not None:
            self._close()
            return
        self._forget_failures()
        if self._allowed < MAX_IN_FLIGHT:
            self._allowed = min(self._allowed * 2, MAX_IN_FLIGHT)

    def on_refusal(self) -> None:
        """The endpoint answered and refused, in a way that does not count against it (a 404).

        It lives: a probe closes the circuit, and failures before it are no longer in a row with
        those after it. It is no success either: no more requests at a time are allowed.
        """
        if self._open is None:
            self._forget_failures()
        elif self._open.is_probing:
            self._close()

    def on_failure(self, delivery: str, *, now_ms: int) -> None:
        """An attempt of that delivery failed in a way that counts against the endpoint."""
        if self._open is not None:
            self._postpone_probe(self._open, now_ms)
            return
        self._failures += 1
        if len(self._failed) < self._rules.deliveries:
            self._failed.add(delivery)
        enough = self._failures >= self._rules.failures
        if enough and len(self._failed) >= self._rules.deliveries:
            wait_ms = self._rules.first_probe_ms
            self._open = _Open(now_ms, wait_ms, next_probe_at_ms=now_ms + wait_ms)

    def on_gone(self, *, version: int) -> None:
        """An attempt of that version of the endpoint was answered that the endpoint is gone.

        Nothing may start until the endpoint's version changes. The answer to an attempt of an older
        version says nothing of the present one.
        """
        if version >= self._version:
            self._gone = True

    def on_version(self, version: int, *, now_ms: int) -> None:
        """The endpoint's record changed.

        A gone endpoint starts anew, slowly. An open circuit probes at once: what was changed may be
        what was wrong.
        """
        if version <= self._version:
            return
        self._version = version
        if self._gone:
            self._gone = False
            self._close()
        elif self._open is not None:
            self._open.wait_ms = self._rules.first_probe_ms
            self._open.next_probe_at_ms = now_ms

    def _close(self) -> None:
        self._open = None
        self._allowed = 1
        self._forget_failures()

    def _forget_failures(self) -> None:
        # Almost always there is nothing to forget.
        if self._failures:
            self._failures = 0
            self._failed.clear()

    def _postpone_probe(self, opened: _Open, now_ms: int) -> None:
        # What was in flight when the circuit opened fails late, and is no probe.
        if not opened.is_probing:
            return
        opened.is_probing = False
        opened.wait_ms = min(opened.wait_ms * 2, self._rules.longest_probe_ms)
        opened.next_probe_at_ms = now_ms + opened.wait_ms


def _is_due(opened: _Open, now_ms: int) -> bool:
    remaining_ms = opened.next_probe_at_ms - now_ms
    return remaining_ms <= 0 or remaining_ms > opened.wait_ms
