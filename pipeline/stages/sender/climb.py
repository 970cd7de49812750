"""How many requests at once pay: found by trying a step up or down and counting what gets done."""

from __future__ import annotations

from typing import NamedTuple

STEP = 1.5
GAIN = 1.25
"""A step up stays if it gets so much more done in a period."""
LOSS = 0.9
"""A step down stays if it gets no less than this done."""
LONGEST_REST = 32
"""Periods between two steps of a kind that does not pay."""


class _Trial(NamedTuple):
    limit_before: int
    done_before: int
    is_up: bool


class _Patience:
    """Periods until a direction is tried again: twice as many each time that it did not pay."""

    def __init__(self) -> None:
        self.left = 0
        self._next = 1

    def pass_period(self) -> None:
        self.left = max(self.left - 1, 0)

    def on_paid(self) -> None:
        self.left, self._next = 0, 1

    def on_lost(self) -> None:
        self.left = self._next
        self._next = min(2 * self._next, LONGEST_REST)


class Climb:
    """To be told of each period in which `limit` was reached. Never below where it begins."""

    def __init__(self, least: int, most: int) -> None:
        self._least = least
        self._most = most
        self.settle()

    def settle(self) -> None:
        """The limit is not reached any more: begin anew."""
        self.limit = self._least
        self._trial: _Trial | None = None
        self._up = _Patience()
        self._down = _Patience()

    def observe(self, done: int) -> None:
        """So many requests ended in the period."""
        trial, self._trial = self._trial, None
        if trial is not None and trial.is_up:
            self._judge_up(trial, done)
        elif trial is not None:
            self._judge_down(trial, done)
        elif self.limit > self._least and not self._down.left:
            self._try(self.limit / STEP, done)
        elif not self._up.left:
            self._try(self.limit * STEP, done)
        else:
            self._up.pass_period()
            self._down.pass_period()

    def _try(self, limit: float, done: int) -> None:
        self._trial = _Trial(self.limit, done, is_up=limit > self.limit)
        self.limit = max(self._least, min(int(limit), self._most))

    def _judge_up(self, trial: _Trial, done: int) -> None:
        if done >= trial.done_before * GAIN:
            self._up.on_paid()
            self._try(self.limit * STEP, done)
        else:
            self.limit = trial.limit_before
            self._up.on_lost()

    def _judge_down(self, trial: _Trial, done: int) -> None:
        if done >= trial.done_before * LOSS:
            self._down.on_paid()
        else:
            self.limit = trial.limit_before
            self._down.on_lost()
