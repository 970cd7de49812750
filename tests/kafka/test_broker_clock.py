"""The brokers' clock, as acknowledgements tell it."""

from __future__ import annotations

from pipeline.adapters.kafka.broker_clock import WINDOW_SECONDS, BrokerClock


def test_nothing_is_known_before_the_first_acknowledgement() -> None:
    assert BrokerClock().ahead_ms == 0


def test_late_acknowledgements_do_not_put_the_clock_ahead() -> None:
    clock = BrokerClock()
    for ahead_ms in (40, 3, 900):
        clock.note(ahead_ms, at_seconds=1.0)
    assert clock.ahead_ms == 3


def test_a_step_forward_is_believed_after_two_windows_and_one_back_at_once() -> None:
    clock = BrokerClock()
    clock.note(3, at_seconds=0.0)
    for window in (1, 2, 3):
        clock.note(3_600_003, at_seconds=window * (WINDOW_SECONDS + 1))
    assert clock.ahead_ms == 3_600_003
    clock.note(-3_600_000, at_seconds=3 * (WINDOW_SECONDS + 1) + 1)
    assert clock.ahead_ms == -3_600_000
