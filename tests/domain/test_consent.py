"""What answers to the validation request mean, line by line of the specification."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.consent import HIGHEST_RATE, Consented, Refused, judge_answer, judge_callback

ORIGIN = "hooks.sender.test"


def judged(*headers: tuple[str, str], asked_per_minute: int | None = None) -> Consented | Refused:
    return judge_answer(headers, origin=ORIGIN, asked_per_minute=asked_per_minute)


@pytest.mark.parametrize("origin", [ORIGIN, "*", ORIGIN.upper(), f" {ORIGIN}\t"])
def test_our_origin_and_any_origin_consent(origin: str):
    assert judged(("WebHook-Allowed-Origin", origin)) == Consented(None)


def test_names_of_headers_have_no_case():
    assert judged(("webhook-ALLOWED-origin", "*"), ("WEBHOOK-allowed-RATE", "7")) == Consented(7)


def test_no_header_is_no_consent():
    for headers in ((), (("Allow", "POST"),), (("WebHook-Allowed-Rate", "*"),)):
        refused = judged(*headers)
        assert isinstance(refused, Refused)
        assert "WebHook-Allowed-Origin" in refused.reason


@pytest.mark.parametrize(
    "origin",
    ["", "other.test", "sender.test", f"x.{ORIGIN}", f"https://{ORIGIN}", "**", f"{ORIGIN}, *"],
)
def test_another_origin_is_no_consent(origin: str):
    refused = judged(("WebHook-Allowed-Origin", origin))
    assert isinstance(refused, Refused)
    assert ORIGIN in refused.reason


def test_two_answers_that_differ_are_no_consent():
    both = (("WebHook-Allowed-Origin", ORIGIN), ("WebHook-Allowed-Origin", "other.test"))
    assert isinstance(judged(*both), Refused)


@pytest.mark.parametrize(
    ("rate", "granted"),
    [("*", None), ("1", 1), ("120", 120), (" 120 ", 120), ("010", 10), ("9" * 30, HIGHEST_RATE)],
)
def test_a_positive_integer_limits_and_a_star_does_not(rate: str, granted: int | None):
    headers = (("WebHook-Allowed-Origin", "*"), ("WebHook-Allowed-Rate", rate))
    assert judged(*headers, asked_per_minute=600) == Consented(granted)


@pytest.mark.parametrize("rate", ["0", "-1", "abc", "", "1.5", "+5", "00", "1e3", "٣", "10, 20"])
def test_what_is_no_positive_integer_is_no_consent(rate: str):
    refused = judged(("WebHook-Allowed-Origin", ORIGIN), ("WebHook-Allowed-Rate", rate))
    assert isinstance(refused, Refused)
    assert "WebHook-Allowed-Rate" in refused.reason


def test_the_strictest_of_several_rates_holds():
    rates = [("WebHook-Allowed-Rate", rate) for rate in ("60", "*", "30")]
    assert judged(("WebHook-Allowed-Origin", "*"), *rates) == Consented(30)


def test_without_a_rate_what_was_asked_for_is_allowed():
    assert judged(("WebHook-Allowed-Origin", "*"), asked_per_minute=120) == Consented(120)


def test_a_callback_consents_by_being_called_and_may_name_a_rate():
    assert judge_callback((), asked_per_minute=None) == Consented(None)
    assert judge_callback([("WebHook-Allowed-Rate", "5")], asked_per_minute=9) == Consented(5)
    refused = judge_callback([("WebHook-Allowed-Rate", "0")], asked_per_minute=None)
    assert isinstance(refused, Refused)


@given(st.text(max_size=200), st.text(max_size=200))
def test_reasons_are_short_and_plain_whatever_the_receiver_says(origin: str, rate: str):
    judgement = judged(("WebHook-Allowed-Origin", origin), ("WebHook-Allowed-Rate", rate))
    if isinstance(judgement, Refused):
        assert len(judgement.reason) < 1_000
        assert judgement.reason.isprintable()
