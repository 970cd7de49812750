"""All profiles that an account or endpoint may have: the shipped ones and an operator's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from pipeline.domain.profile import Profile
from pipeline.domain.profile_document import read_profile
from pipeline.registry import RegistryReader, StoredProfile

_MOST_REMEMBERED: Final = 1_000


class KnownProfiles:
    """Reads an operator's profiles out of the store; each version of one is compiled once.

    May be used by several threads.
    """

    def __init__(self, shipped: Mapping[str, Profile]) -> None:
        self.shipped = shipped
        self._compiled: dict[tuple[str, str], Profile] = {}

    def all(self, reader: RegistryReader) -> dict[str, Profile]:
        """By name. Raises StoreFailed."""
        own = (self.compiled(stored) for stored in reader.profiles())
        return {**self.shipped, **{profile.name: profile for profile in own}}

    def get(self, reader: RegistryReader, name: str) -> Profile | None:
        """None where there is none, or none any more. Raises StoreFailed."""
        if (shipped := self.shipped.get(name)) is not None:
            return shipped
        stored = reader.profile(name)
        return None if stored is None or stored.removed else self.compiled(stored)

    def compiled(self, stored: StoredProfile) -> Profile:
        """The profile that an operator's document says; the document was checked before."""
        key = (stored.name, stored.document)
        profile = self._compiled.get(key)
        if profile is None:
            profile = read_profile(msgspec.json.decode(stored.document))
            if len(self._compiled) >= _MOST_REMEMBERED:
                self._compiled = {}
            self._compiled[key] = profile
        return profile
