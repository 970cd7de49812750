"""Acknowledgement: which statuses deliver, which end, which count against an endpoint."""

import pytest

from pipeline.domain.acknowledgement import (
    Acknowledgement,
    InvalidAcknowledgement,
    counts_against,
)
from pipeline.domain.delivery import Outcome, Reason


def test_any_2xx_and_nothing_else_acknowledges_by_default():
    accepted = {
        status
        for status in range(100, 600)
        if Acknowledgement().outcome(status) is Outcome.ACCEPTED
    }
    assert accepted == set(range(200, 300))


def test_a_profile_can_narrow_what_acknowledges():
    narrow = Acknowledgement(acknowledged=frozenset({200, 201, 204}))
    assert narrow.outcome(201) is Outcome.ACCEPTED
    assert narrow.outcome(202) is Outcome.REFUSED


@pytest.mark.parametrize(
    "acknowledged", [frozenset[int](), frozenset({200, 302}), frozenset({404})]
)
def test_no_profile_can_widen_it_or_acknowledge_nothing(acknowledged: frozenset[int]):
    with pytest.raises(InvalidAcknowledgement, match=r"acknowledged: .*200-299"):
        Acknowledgement(acknowledged=acknowledged)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503, 599, 302, 200])
def test_what_is_always_tried_again_cannot_be_final(status: int):
    with pytest.raises(InvalidAcknowledgement, match=f"final: {status}: only 4xx"):
        Acknowledgement(final=frozenset({404, status}))


def test_a_410_is_gone_only_where_the_profile_says_so():
    assert Acknowledgement(gone_disables=True).end(410) is Reason.GONE
    assert Acknowledgement(gone_disables=True, final=frozenset({410})).end(410) is Reason.GONE
    assert Acknowledgement().end(410) is None
    assert Acknowledgement(final=frozenset({410})).end(410) is Reason.FINAL


def test_only_final_statuses_end_a_delivery():
    final = Acknowledgement(final=frozenset({400, 404}))
    ending = {status for status in range(100, 600) if final.end(status) is not None}
    assert ending == {400, 404}
    assert final.end(None) is None


def test_time_outs_failures_to_connect_429_and_5xx_count_against_an_endpoint():
    assert counts_against(Outcome.TIMED_OUT, None)
    assert counts_against(Outcome.UNREACHABLE, None)
    assert counts_against(Outcome.BLOCKED, None)
    counted = {status for status in range(100, 1000) if counts_against(Outcome.REFUSED, status)}
    assert counted == {429, *range(500, 600)}
    assert not counts_against(Outcome.REFUSED, None)
    assert not counts_against(Outcome.ACCEPTED, 200)
