from __future__ import annotations

import json

import pytest

from pipeline.domain.profile_entry import ProfileEntry
from pipeline.domain.profile_table import Profiles
from tests.domain.builders import shipped_profile

SHIPPED = {"twenty": shipped_profile("twenty")}


def an_entry(version: int, *, name: str = "parcels", **changes: object) -> ProfileEntry:
    document = {"name": name, "formats": {"nested": {"template": {"d": "$.event.data"}}}, **changes}
    return ProfileEntry(name, json.dumps(document), version=version)


def timeout_of(profiles: Profiles, name: str = "parcels") -> int | None:
    profile = profiles.get(name)
    return profile.timeout_ms if profile else None


def test_an_operators_profile_is_known_once_its_record_is_there_and_follows_its_changes():
    profiles = Profiles(SHIPPED)
    assert timeout_of(profiles) is None
    profiles.put(an_entry(3, timeout="5s"))
    profiles.put(an_entry(2, timeout="7s"))
    assert timeout_of(profiles) == 5_000
    profiles.put(an_entry(4, timeout="6s"))
    assert timeout_of(profiles) == 6_000
    assert {profile.name for profile in profiles.all()} == {"twenty", "parcels"}


def test_a_profile_that_ships_is_not_replaced():
    profiles = Profiles(SHIPPED)
    with pytest.raises(ValueError, match="choose another name"):
        profiles.put(an_entry(1, name="twenty"))
    assert profiles.get("twenty") is SHIPPED["twenty"]


@pytest.mark.parametrize("document", ["{", "[]", "{}", '{"name": "parcels", "colour": 1}'])
def test_what_is_no_profile_leaves_the_last_one_in_place(document: str):
    profiles = Profiles(SHIPPED)
    profiles.put(an_entry(1, timeout="5s"))
    with pytest.raises(ValueError):  # noqa: PT011 - whatever is wrong with it
        profiles.put(ProfileEntry("parcels", document, version=2))
    assert timeout_of(profiles) == 5_000


def test_a_document_under_another_name_is_refused():
    with pytest.raises(ValueError, match="not the name of its record"):
        Profiles(SHIPPED).put(ProfileEntry("boxes", an_entry(1).document, version=1))


def test_a_removed_profile_stays_for_those_who_have_it():
    profiles = Profiles(SHIPPED)
    profiles.put(an_entry(1, timeout="5s"))
    profiles.put(ProfileEntry("parcels", "", removed=True, version=2))
    assert timeout_of(profiles) == 5_000
