"""Sample events: what an endpoint is sent to try it, in the shape of its profile's real ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pipeline.domain.document import nearest, shown
from pipeline.domain.profile import Profile
from pipeline.domain.type_patterns import compile_patterns

GENERIC_DATA: Final = b'{"id":"sample-1","name":"A sample","test":true}'
"""Where nobody knows what such an event has in it."""
GENERIC_TYPE: Final = "sample.created"
_ANY: Final = "*"
_SAMPLE_WORD: Final = "sample"


class UnknownEventType(ValueError):
    """The profile has no such event type, and takes no others; the message says which it has."""


@dataclass(frozen=True, slots=True)
class SampleEvent:
    """An event but for its account, its id and its time."""

    type: str
    """In a file also a pattern, whose sample serves every type it takes."""
    data: bytes
    """Compact JSON in UTF-8."""
    subject: str | None = None
    metadata: dict[str, str] = field(default_factory=dict[str, str])


class SampleEvents:
    """The samples of all profiles."""

    def __init__(self, by_profile: Mapping[str, Sequence[SampleEvent]]) -> None:
        self._by_profile = by_profile

    def sample_event(self, profile: Profile, *, event_type: str | None) -> SampleEvent:
        """A sample of this type; without one of the first type that the profile knows.

        A profile of an operator's own, and a type that nobody described, have `GENERIC_DATA`.

        Raises:
            UnknownEventType: no endpoint of the profile could ever ask for the type.
        """
        wanted = _first_type(profile) if event_type is None else event_type
        _check_known(profile, wanted)
        samples = self._by_profile.get(profile.name, ())
        if event_type is None and samples:
            wanted = next((each.type for each in samples if _ANY not in each.type), wanted)
        found = _best(samples, wanted)
        if found is None:
            return SampleEvent(wanted, GENERIC_DATA, subject=_subject(profile))
        return SampleEvent(wanted, found.data, found.subject, dict(found.metadata))


def _best(samples: Sequence[SampleEvent], event_type: str) -> SampleEvent | None:
    """That of this very type, or else of the first pattern that takes it."""
    exact = next((each for each in samples if each.type == event_type), None)
    if exact is not None:
        return exact
    patterns = (each for each in samples if _ANY in each.type)
    return next((p for p in patterns if compile_patterns((p.type,)).matches(event_type)), None)


def _first_type(profile: Profile) -> str:
    known = next(iter(profile.event_types), None)
    return GENERIC_TYPE if known is None else known.type.replace(_ANY, _SAMPLE_WORD)


def _check_known(profile: Profile, event_type: str) -> None:
    known = [each.type for each in profile.event_types]
    if profile.event_types_open or compile_patterns(tuple(known)).matches(event_type):
        return
    raise UnknownEventType(
        f"{shown(event_type)}: {profile.name} has no such event type: {nearest(event_type, known)}"
    )


def _subject(profile: Profile) -> str | None:
    rules = profile.relations
    return None if rules is None else f"{rules.subject_prefix}1"
