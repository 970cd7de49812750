"""The samples that endpoints are tried with: one for every type that a profile knows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.adapters.profile_files import read_profile_files
from pipeline.adapters.sample_files import SampleFileError, read_sample_files
from pipeline.domain.endpoint import BodyChoice
from pipeline.domain.event_rules import check_data, check_members
from pipeline.domain.profile import KnownEventType, Profile
from pipeline.domain.sample_events import GENERIC_DATA, SampleEvents, UnknownEventType
from pipeline.resources import PROFILE_SAMPLES_DIR, PROFILES_DIR
from tests.domain.builders import an_event, rendered, shipped_profile

PROFILES = read_profile_files(PROFILES_DIR)
SAMPLES = read_sample_files(PROFILE_SAMPLES_DIR)
KNOWN = [
    (name, known.type)
    for name, profile in PROFILES.items()
    for known in profile.event_types
    if "*" not in known.type
]


@pytest.mark.parametrize(("profile", "event_type"), KNOWN)
def test_every_known_type_has_a_sample_of_its_own_that_can_be_published_and_rendered(
    profile: str, event_type: str
):
    sample = SAMPLES.sample_event(PROFILES[profile], event_type=event_type)
    assert sample.type == event_type
    assert sample.data != GENERIC_DATA
    event = an_event(sample.data, type=sample.type)
    event = event._replace(subject=sample.subject, metadata=sample.metadata)
    check_members(event)
    check_data(event.data)
    for body_format in PROFILES[profile].formats:
        assert rendered(PROFILES[profile], event, BodyChoice(format=body_format)).body


@pytest.mark.parametrize("profile", PROFILES)
def test_without_a_type_there_is_a_sample_of_every_profile(profile: str):
    sample = SAMPLES.sample_event(PROFILES[profile], event_type=None)
    assert "*" not in sample.type
    assert json.loads(sample.data)


def test_samples_are_in_the_shape_of_the_products_documents():
    build = SAMPLES.sample_event(PROFILES["twelve-build"], event_type="Document.deleted")
    assert build.subject is not None
    assert build.subject.startswith("company/")
    assert json.loads(build.data)["current"] is None
    for state in ("created", "confirmed", "cancelled"):
        booking = SAMPLES.sample_event(PROFILES["timekit"], event_type=f"booking.{state}")
        data = json.loads(booking.data)
        assert data["state"] == state
        assert {"id", "graph", "customers", "event", "calendar", "attributes", "user"} <= set(data)
        assert booking.metadata == {"project": "4711"}
    saved = SAMPLES.sample_event(PROFILES["twelve-twenty"], event_type="save_calendar_event")
    assert len(json.loads(saved.data)) == 8


def test_an_open_set_has_a_sample_for_types_that_nobody_described():
    invoice = SAMPLES.sample_event(PROFILES["twenty"], event_type="invoice.updated")
    assert (invoice.type, "createdAt" in json.loads(invoice.data)) == ("invoice.updated", True)
    odd = SAMPLES.sample_event(PROFILES["twenty"], event_type="whatever")
    assert (odd.type, odd.data) == ("whatever", GENERIC_DATA)


def test_a_type_that_a_closed_set_does_not_have_is_refused_and_the_nearest_named():
    with pytest.raises(UnknownEventType, match=r"customer\.created"):
        SAMPLES.sample_event(PROFILES["calenso"], event_type="customer.create")


def test_an_operators_own_profile_has_a_generic_sample_of_its_first_type():
    own = _own_profile(KnownEventType("invoice.*"), KnownEventType("order.paid"))
    sample = SampleEvents({}).sample_event(own, event_type=None)
    assert (sample.type, sample.data) == ("invoice.sample", GENERIC_DATA)
    build = replace(PROFILES["twelve-build"], name="own")
    assert SAMPLES.sample_event(build, event_type=None).subject == "company/1"


def _own_profile(*known: KnownEventType) -> Profile:
    return replace(shipped_profile("twenty"), name="own", event_types=known)


def test_a_file_that_is_no_list_of_samples_is_named(tmp_path: Path):
    (tmp_path / "own.json").write_text('[{"type": "a"}]')
    with pytest.raises(SampleFileError, match=r"own\.json.*data"):
        read_sample_files(tmp_path)
