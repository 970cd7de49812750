"""Accounts made, changed and removed: decided and stored in one transaction, then published."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple, TypeVar

from pipeline.api.caller import Caller
from pipeline.api.endpoint_access import locked_account
from pipeline.api.known_profiles import KnownProfiles
from pipeline.api.outbox import Outbox
from pipeline.api.problems import conflict, of_document
from pipeline.api.store_work import in_thread
from pipeline.api.table_records import TableRecords
from pipeline.domain.account_document import read_account
from pipeline.domain.account_wanted import wanted_account
from pipeline.domain.document import DocumentError
from pipeline.domain.endpoint import Account
from pipeline.domain.endpoint_planning import plan_removal
from pipeline.domain.merge_patch import merged
from pipeline.registry import Registry, RegistryWriter

_PAGE: Final = 500
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class AccountPorts:
    """What accounts are decided, stored and published with."""

    registry: Registry
    outbox: Outbox
    records: TableRecords
    profiles: KnownProfiles
    forget_key: Callable[[str], None]
    """A key was revoked. On the event loop."""
    now_ms: Callable[[], int]


class _Removed(NamedTuple):
    sequence: int
    keys: list[str]


class AccountChanges:
    """Each answers once Kafka has the change. Raises Problem: 404, 409, 422, 503."""

    def __init__(self, ports: AccountPorts) -> None:
        self._ports = ports

    async def create(self, caller: Caller, document: Mapping[str, Any]) -> Account:
        account, sequence = await in_thread(self._create, caller, document)
        await self._ports.outbox.wait(sequence)
        return account

    async def update(self, caller: Caller, account_id: str, patch: Mapping[str, Any]) -> Account:
        """A merge patch over the account as it is answered."""
        account, sequence = await in_thread(self._update, caller, account_id, patch)
        await self._ports.outbox.wait(sequence)
        return account

    async def remove(self, caller: Caller, account_id: str) -> None:
        """And all that is the account's."""
        removed = await in_thread(self._remove, caller, account_id)
        for key_id in removed.keys:
            self._ports.forget_key(key_id)
        await self._ports.outbox.wait(removed.sequence)

    def _create(self, caller: Caller, document: Mapping[str, Any]) -> tuple[Account, int]:
        with self._ports.registry.writing(caller.author) as writer:
            account = self._read(writer, document)
            present = writer.lock_account(account.id)
            if present is not None:
                was = " was removed, and no id is used twice" if present.removed else " exists"
                raise conflict(f"The account {account.id}{was}.")
            return account, self._put(writer, account)

    def _update(
        self, caller: Caller, account_id: str, patch: Mapping[str, Any]
    ) -> tuple[Account, int]:
        with self._ports.registry.writing(caller.author) as writer:
            present = locked_account(writer, caller, account_id)
            account = self._read(writer, merged(_document(present), patch))
            if account == replace(present, version=account.version):
                return account, 0
            return account, self._put(writer, account)

    def _read(self, writer: RegistryWriter, document: object) -> Account:
        """What is not given has its default, whatever the account had before."""
        profiles = self._ports.profiles.all(writer)
        try:
            entry = read_account(document, profiles)
            return wanted_account(entry, None, profiles=profiles)
        except DocumentError as exc:
            raise of_document(exc) from exc

    def _put(self, writer: RegistryWriter, account: Account) -> int:
        self._keep_profile(writer, account.profile)
        writer.put_account(account)
        writer.publish(self._ports.records.of_account(account))
        return writer.sequence

    def _keep_profile(self, writer: RegistryWriter, name: str) -> None:
        """Raises Problem (409): it was removed while we looked at it."""
        if name in self._ports.profiles.shipped:
            return
        writer.lock_profile(name)
        if self._ports.profiles.get(writer, name) is None:
            raise conflict(f"The profile {name} has just been removed.")

    def _remove(self, caller: Caller, account_id: str) -> _Removed:
        now_ms, records = self._ports.now_ms(), self._ports.records
        with self._ports.registry.writing(caller.author) as writer:
            account = replace(locked_account(writer, caller, account_id), removed=True)
            writer.put_account(account)
            writer.publish(records.of_account(account))
            for endpoint in list(_all(_endpoints(writer, account_id), lambda each: each.id)):
                record, _ = plan_removal(endpoint, now_ms=now_ms)
                if record is not None:
                    writer.put_endpoint(record.endpoint)
                    writer.publish(records.of_endpoint(record.endpoint))
            for relation in list(_all(_relations(writer, account_id), lambda each: each.company)):
                writer.remove_relation(account_id, relation.company)
                writer.publish(records.of_relation(replace(relation, star=None, removed=True)))
            keys = [
                key
                for key in _all(_keys(writer, account_id), lambda each: each.id)
                if key.revoked_at_ms is None
            ]
            for key in keys:
                writer.put_key(replace(key, revoked_at_ms=now_ms))
            return _Removed(writer.sequence, [key.id for key in keys])


_Page = Callable[[str], list[_T]]


def _endpoints(writer: RegistryWriter, account: str) -> _Page[Any]:
    return lambda after: writer.endpoints(account=account, after=after, limit=_PAGE)


def _relations(writer: RegistryWriter, account: str) -> _Page[Any]:
    return lambda after: writer.relations(account, after=after, limit=_PAGE)


def _keys(writer: RegistryWriter, account: str) -> _Page[Any]:
    return lambda after: writer.keys(account=account, after=after, limit=_PAGE)


def _all(page: _Page[_T], key: Callable[[_T], str]) -> Iterator[_T]:
    found = page("")
    while found:
        yield from found
        found = page(key(found[-1])) if len(found) == _PAGE else []


def _document(account: Account) -> dict[str, Any]:
    return {
        "id": account.id,
        "name": account.name,
        "profile": account.profile,
        "plan": account.plan,
        "webhooks_enabled": account.webhooks_enabled,
        "owner_email": account.owner_email,
    }
