"""Profiles of an operator's own: checked, stored in one transaction, then published."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as changed
from typing import Any, Final, NamedTuple, Protocol, TypeVar, cast

from pydantic import JsonValue

from pipeline.api.caller import Caller
from pipeline.api.endpoint_ports import CredentialVault
from pipeline.api.json_texts import json_text, json_value
from pipeline.api.known_profiles import KnownProfiles
from pipeline.api.listing import Listed, Piece, listed
from pipeline.api.outbox import Outbox
from pipeline.api.problems import FieldError, Problem, conflict, invalid, not_found, of_document
from pipeline.api.store_work import in_thread
from pipeline.api.table_records import TableRecords
from pipeline.domain.change_plan import UnreadableSecrets
from pipeline.domain.document import DocumentError
from pipeline.domain.endpoint_secrets import SecretSource
from pipeline.domain.profile_document import read_profile
from pipeline.domain.profile_users import check_account, check_endpoint
from pipeline.registry import Registry, RegistryWriter, StoredProfile

Document = Mapping[str, JsonValue]
_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class ProfilePorts:
    """What profiles are stored and published with."""

    registry: Registry
    outbox: Outbox
    records: TableRecords
    profiles: KnownProfiles
    shipped_documents: Mapping[str, Document]
    """Of the profiles that every pipeline has, by name."""
    vault: CredentialVault
    now_ms: Callable[[], int]
    random_bytes: Callable[[int], bytes]


class ShownProfile(NamedTuple):
    """A profile as it is answered."""

    name: str
    document: dict[str, JsonValue]
    times_ms: tuple[int, int] | None = None
    """When it was made and changed last; None: it is shipped."""


class ProfileChanges:
    """Changes answer once Kafka has them. `page` and `found` block. All raise Problem."""

    def __init__(self, ports: ProfilePorts) -> None:
        self._ports = ports

    def page(self, piece: Piece) -> Listed[ShownProfile]:
        """In the order of the names."""
        with self._ports.registry.reading() as reader:
            own = [_shown(stored) for stored in reader.profiles()]
        shipped = [
            ShownProfile(name, dict(document))
            for name, document in self._ports.shipped_documents.items()
        ]
        rest = (shown for shown in [*shipped, *own] if shown.name > piece.after)
        ordered = sorted(rest, key=lambda shown: shown.name)
        return listed(ordered[: piece.wanted], piece, key=lambda shown: shown.name)

    def found(self, name: str) -> ShownProfile:
        """Raises Problem (404)."""
        if (document := self._ports.shipped_documents.get(name)) is not None:
            return ShownProfile(name, dict(document))
        with self._ports.registry.reading() as reader:
            stored = reader.profile(name)
        if stored is None or stored.removed:
            raise _unknown(name)
        return _shown(stored)

    async def create(self, caller: Caller, document: Document) -> ShownProfile:
        """Raises Problem (409): there is one of its name."""
        stored, sequence = await in_thread(self._create, caller, _read(document))
        await self._ports.outbox.wait(sequence)
        return _shown(stored)

    async def replace(self, caller: Caller, name: str, document: Document) -> ShownProfile:
        """Raises Problem (404): there is none of one's own."""
        given = document.get("name", name)
        if given != name:
            raise invalid([FieldError("/name", f"is another one's: write {name!r}")])
        stored, sequence = await in_thread(self._replace, caller, _read({**document, "name": name}))
        await self._ports.outbox.wait(sequence)
        return _shown(stored)

    async def remove(self, caller: Caller, name: str) -> None:
        """Raises Problem (409): accounts or endpoints have it."""
        sequence = await in_thread(self._remove, caller, name)
        await self._ports.outbox.wait(sequence)

    def _create(self, caller: Caller, stored: StoredProfile) -> tuple[StoredProfile, int]:
        ports = self._ports
        now_ms = ports.now_ms()
        stored = changed(stored, created_at_ms=now_ms, updated_at_ms=now_ms)
        with ports.registry.writing(caller.author) as writer:
            writer.lock_profile(stored.name)
            if ports.profiles.get(writer, stored.name) is not None:
                raise conflict(f"The profile {stored.name} exists.")
            return stored, self._put(writer, stored)

    def _replace(self, caller: Caller, stored: StoredProfile) -> tuple[StoredProfile, int]:
        with self._ports.registry.writing(caller.author) as writer:
            present = self._own(writer, stored.name)
            self._check_users(writer, stored)
            stored = changed(
                stored, created_at_ms=present.created_at_ms, updated_at_ms=self._ports.now_ms()
            )
            return stored, self._put(writer, stored)

    def _remove(self, caller: Caller, name: str) -> int:
        with self._ports.registry.writing(caller.author) as writer:
            present = self._own(writer, name)
            if uses := writer.uses_of_profile(name):
                raise conflict(f"{uses} accounts and endpoints have the profile {name}.")
            now_ms = self._ports.now_ms()
            return self._put(writer, changed(present, removed=True, updated_at_ms=now_ms))

    def _check_users(self, writer: RegistryWriter, stored: StoredProfile) -> None:
        """Raises Problem (422): an account or endpoint that has it would not fit it any more."""
        if not writer.uses_of_profile(stored.name):
            return
        ports = self._ports
        profile = ports.profiles.compiled(stored)
        source = SecretSource(ports.now_ms(), ports.random_bytes)
        try:
            for account in _all(lambda after: writer.accounts(after=after, limit=_PAGE)):
                if account.profile == profile.name:
                    check_account(account, profile)
            for endpoint in _all(
                lambda after: writer.endpoints(account=None, after=after, limit=_PAGE)
            ):
                if endpoint.profile == profile.name:
                    credentials = ports.vault.open(endpoint)
                    check_endpoint(endpoint, credentials, profile, source=source)
        except DocumentError as exc:
            raise of_document(exc) from exc
        except UnreadableSecrets as exc:
            raise conflict(
                f"Whether it fits cannot be said: secrets of an endpoint that has it are sealed"
                f" with a key that is not here ({exc})."
            ) from exc

    def _own(self, writer: RegistryWriter, name: str) -> StoredProfile:
        if name in self._ports.shipped_documents:
            raise conflict(f"The profile {name} is shipped: define one of another name.")
        writer.lock_profile(name)
        present = writer.profile(name)
        if present is None or present.removed:
            raise _unknown(name)
        return present

    def _put(self, writer: RegistryWriter, stored: StoredProfile) -> int:
        writer.put_profile(stored)
        writer.publish(self._ports.records.of_profile(stored))
        return writer.sequence


class _Named(Protocol):
    @property
    def id(self) -> str: ...


_T = TypeVar("_T", bound=_Named)


def _all(page: Callable[[str], Sequence[_T]]) -> Iterator[_T]:
    """Page by page, in the order of the ids."""
    after = ""
    while found := page(after):
        yield from found
        after = found[-1].id


def _read(document: Document) -> StoredProfile:
    """Raises Problem (422): it says no profile."""
    text = json_text(dict(document), pointer="")
    try:
        profile = read_profile(document)
    except DocumentError as exc:
        raise of_document(exc) from exc
    return StoredProfile(profile.name, text, created_at_ms=0, updated_at_ms=0)


def _shown(stored: StoredProfile) -> ShownProfile:
    document = cast("dict[str, Any]", json_value(stored.document))
    return ShownProfile(stored.name, document, (stored.created_at_ms, stored.updated_at_ms))


def _unknown(name: str) -> Problem:
    return not_found(f"There is no profile {name}.")
