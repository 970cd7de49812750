"""How many requests at once pay: found by trying a step up or down and counting what gets done."""

from __future__ import annotations

from typing import NamedTuple

STEP = 1.5
GAIN = 1.25
"""A step up stays if it gets so much more done in a period."""
LOSS = 0.9
"""A step down stays if it gets no less than this done."""
LONGEST_REST = 32
"""Periods between two steps up, where they do not pay."""


class _Trial(NamedTuple):
    limit_before: int
    done_before: int
    is_up: bool


class Climb:
    """To be told of each period in which `limit` was reached. Never below where it begins."""

    def __init__(self, least: int, most: int) -> None:
        self.limit = least
        self._least = least
        self._most = most
        self._trial: _Trial | None = None
        self._may_be_too_high = False
        self._rest = 0
        self._next_rest = 1

    def observe(self, done: int) -> None:
        """So many requests ended in the period."""
        trial, self._trial = self._trial, None
        if trial is not None and trial.is_up:
            self._judge_up(trial, done)
        elif trial is not None:
            self._judge_down(trial, done)
        elif self._may_be_too_high and self.limit > self._least:
            self._try(self.limit / STEP, done)
        elif self._rest:
            self._rest -= 1
        else:
            self._try(self.limit * STEP, done)

    def settle(self) -> None:
        """The limit is not reached any more: begin anew."""
        self.limit = self._least
        self._trial = None
        self._rest, self._next_rest = 0, 1

    def _try(self, limit: float, done: int) -> None:
        self._trial = _Trial(self.limit, done, is_up=limit > self.limit)
        self.limit = max(self._least, min(int(limit), self._most))

    def _judge_up(self, trial: _Trial, done: int) -> None:
        if done >= trial.done_before * GAIN:
            self._next_rest = 1
            self._try(self.limit * STEP, done)
            return
        self.limit = trial.limit_before
        self._may_be_too_high = True
        self._rest = self._next_rest
        self._next_rest = min(2 * self._next_rest, LONGEST_REST)

    def _judge_down(self, trial: _Trial, done: int) -> None:
        if done < trial.done_before * LOSS:
            self.limit = trial.limit_before
            self._may_be_too_high = False
