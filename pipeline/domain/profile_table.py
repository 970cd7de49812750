"""The profiles that endpoints can have: those that ship, and those that an operator defined. Pure.

Told of changes, never asking.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from pipeline.domain.profile_document import read_profile

if TYPE_CHECKING:
    from pipeline.domain.profile import Profile
    from pipeline.domain.profile_entry import ProfileEntry


class Profiles:
    """By name. A shipped profile is never replaced, whatever the table says."""

    def __init__(self, shipped: Mapping[str, Profile]) -> None:
        self._shipped = shipped
        self._own: dict[str, Profile] = {}
        self._versions: dict[str, int] = {}

    def get(self, name: str) -> Profile | None:
        """None: not known, or not yet."""
        return self._shipped.get(name) or self._own.get(name)

    def all(self) -> tuple[Profile, ...]:
        """Each once."""
        return (*self._shipped.values(), *self._own.values())

    def put(self, entry: ProfileEntry) -> None:
        """The table says so. A removed one stays for whoever has it: nobody gets it anew.

        Raises:
            ValueError: it is called as a shipped one, or this version cannot read it; what was
                known under its name stays.
        """
        if entry.name in self._shipped:
            raise ValueError(f"{entry.name} is a profile that ships: choose another name")
        if self._versions.get(entry.name, -1) >= entry.version:
            return
        self._versions[entry.name] = entry.version
        if entry.removed and entry.name in self._own:
            return
        profile = read_profile(msgspec.json.decode(entry.document))
        if profile.name != entry.name:
            raise ValueError(f"{profile.name!r} is not the name of its record: {entry.name!r}")
        self._own[entry.name] = profile
