"""Accounts and endpoints as a file has them, for tests: valid unless a test changes them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.adapters.profile_files import read_profile_files
from pipeline.domain.account_document import (
    AccountEntry,
    AccountRules,
    DocumentErrors,
    read_accounts,
)
from pipeline.domain.account_planning import plan_changes
from pipeline.domain.change_plan import ChangePlan, PlanRules, Tables
from pipeline.domain.credentials import read_credentials, write_credentials
from pipeline.domain.endpoint import Account, Credentials, Endpoint
from pipeline.domain.endpoint_document import EndpointEntry, EndpointRules
from pipeline.domain.endpoint_secrets import SecretSource
from pipeline.domain.profile import Profile
from pipeline.domain.topology import Topology
from pipeline.domain.urls import parse_url
from pipeline.resources import PROFILES_DIR

URL = "https://example.com/hook"
NOW_MS = 1_772_000_000_000


@cache
def shipped_profiles() -> dict[str, Profile]:
    return read_profile_files(Path(PROFILES_DIR))


def endpoint(**fields: object) -> dict[str, Any]:
    """An endpoint's entry; a field that is None is left out."""
    given = {"id": "crm", "url": URL, **fields}
    return {name: value for name, value in given.items() if value is not None}


def document(*endpoints: object, **account: object) -> dict[str, Any]:
    """A file of one account."""
    return {"accounts": [{"id": "acme", **account, "endpoints": list(endpoints)}]}


def check_url(url: str) -> None:
    parse_url(url)


class World:
    """The tables, and what is made at random: applied files change them as Kafka would."""

    def __init__(self, *, dedicated_limit: int = 100) -> None:
        self.accounts: dict[str, Account] = {}
        self.endpoints: dict[str, Endpoint] = {}
        self.now_ms = NOW_MS
        self.dedicated_limit = dedicated_limit
        self._made = 0
        self._version = 0

    def read(self, file: object) -> tuple[AccountEntry, ...]:
        def present_profile(account: str) -> str | None:
            present = self.accounts.get(account)
            return None if present is None else present.profile

        endpoints = EndpointRules(shipped_profiles(), check_url)
        return read_accounts(file, AccountRules(endpoints, present_profile))

    def plan(self, file: object) -> ChangePlan:
        rules = PlanRules(
            profiles=shipped_profiles(),
            topology=Topology(),
            source=SecretSource(self.now_ms, self._random_bytes),
            open_credentials=self.credentials,
            dedicated_limit=self.dedicated_limit,
        )
        return plan_changes(self.read(file), Tables(self.accounts, self.endpoints), rules)

    def apply(self, file: object) -> ChangePlan:
        plan = self.plan(file)
        for account in plan.accounts:
            self.accounts[account.id] = replace(account, version=self._next_version())
        for record in plan.endpoints:
            changed = replace(record.endpoint, version=self._next_version())
            if record.credentials is not None:
                changed = replace(changed, sealed=write_credentials(record.credentials))
            self.endpoints[changed.id] = changed
        return plan

    def credentials(self, endpoint: Endpoint) -> Credentials:
        return Credentials() if endpoint.sealed is None else read_credentials(endpoint.sealed)

    def _random_bytes(self, count: int) -> bytes:
        self._made += 1
        return self._made.to_bytes(count)

    def _next_version(self) -> int:
        self._version += 1
        return self._version


def read_one(value: object, **account: object) -> EndpointEntry:
    """The one endpoint of a file."""
    entry = World().read(document(value, **account))[0].endpoints[0]
    assert isinstance(entry, EndpointEntry)
    return entry


def problems(file: object) -> list[str]:
    """What is wrong with a file, each as `place: text`."""
    try:
        World().read(file)
    except DocumentErrors as refused:
        return [str(error) for error in refused.errors]
    return []
