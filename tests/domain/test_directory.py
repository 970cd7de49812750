"""The directory finds by its index what the patterns say, whatever changed before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.directory import MOST_CACHED_ANSWERS, Directory
from pipeline.domain.endpoint import Account, Endpoint, EndpointStatus
from pipeline.domain.type_patterns import InvalidTypePattern, compile_patterns

_SEGMENTS = st.sampled_from(["a", "b", "*"])
_PATTERNS = st.lists(st.lists(_SEGMENTS, min_size=1, max_size=4).map(".".join), max_size=3)
_TYPES = st.lists(st.sampled_from(["a", "b", "c", ""]), min_size=1, max_size=4).map(".".join)
_PUTS = st.builds(
    Endpoint,
    st.sampled_from(["ep_1", "ep_2", "ep_3"]),
    st.just("acme"),
    st.just("twenty"),
    st.just("t"),
    event_types=_PATTERNS.map(tuple),
    status=st.sampled_from([*EndpointStatus]),
)


def an_endpoint(number: int, *event_types: str) -> Endpoint:
    return Endpoint(f"ep_{number}", "acme", "twenty", "t", version=1, event_types=event_types)


def ids(endpoints: Iterable[Endpoint]) -> set[str]:
    return {endpoint.id for endpoint in endpoints}


@settings(deadline=None, max_examples=300)
@given(st.lists(_PUTS | st.sampled_from(["ep_1", "ep_2"]), max_size=12), st.lists(_TYPES))
def test_an_endpoint_is_found_by_every_type_that_one_of_its_patterns_takes(
    changes: list[Endpoint | str], types: list[str]
):
    directory, known = Directory(), dict[str, Endpoint]()
    for version, change in enumerate(changes, start=1):
        if isinstance(change, str):
            directory.drop_endpoint(change)
            known.pop(change, None)
        else:
            known[change.id] = replace(change, version=version)
            directory.put_endpoint(known[change.id])
        for event_type in types:
            expected = {
                endpoint
                for endpoint, each in known.items()
                if each.status is not EndpointStatus.REMOVED
                and compile_patterns(each.event_types).matches(event_type)
            }
            found = directory.matching("acme", event_type)
            assert (ids(found), len(found)) == (expected, len(expected))
            assert all(each.version == known[each.id].version for each in found)


def test_an_older_record_changes_nothing():
    directory = Directory()
    directory.put_endpoint(replace(an_endpoint(1, "b"), version=5))
    directory.put_endpoint(an_endpoint(1, "a"))
    directory.put_account(Account("acme", "twenty", version=5))
    directory.put_account(Account("acme", "twenty", webhooks_enabled=False, version=4))
    assert directory.matching("acme", "a") == ()
    assert ids(directory.matching("acme", "b")) == {"ep_1"}


def test_a_record_with_a_pattern_that_is_none_changes_nothing():
    directory = Directory()
    directory.put_endpoint(an_endpoint(1, "a"))
    with pytest.raises(InvalidTypePattern):
        directory.put_endpoint(replace(an_endpoint(1, "a..b"), version=2))
    assert ids(directory.matching("acme", "a")) == {"ep_1"}


@pytest.mark.parametrize("change", [{"webhooks_enabled": False}, {"removed": True}])
def test_an_account_that_is_switched_off_matches_nothing_until_it_is_on_again(
    change: dict[str, bool],
):
    directory, account = Directory(), Account("acme", "calenso", version=1)
    directory.put_endpoint(an_endpoint(1))
    assert ids(directory.matching("acme", "a")) == {"ep_1"}
    directory.put_account(replace(account, **change))
    assert directory.matching("acme", "a") == ()
    directory.put_account(replace(account, version=2))
    assert ids(directory.matching("acme", "a")) == {"ep_1"}


def test_answers_stay_right_however_many_types_were_asked_for():
    directory = Directory()
    directory.put_endpoint(an_endpoint(1, "a.*"))
    for number in range(MOST_CACHED_ANSWERS + 2):
        assert ids(directory.matching("acme", f"a.{number}")) == {"ep_1"}
    directory.drop_endpoint("ep_1")
    assert directory.matching("acme", "a.0") == ()
