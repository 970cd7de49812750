"""What a file of accounts changes in the tables, compared with what they hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields as fields_of

from pipeline.domain.account_document import AccountEntry, DocumentErrors, EndpointRemoval
from pipeline.domain.account_wanted import wanted_account
from pipeline.domain.change_plan import (
    Change,
    ChangeLine,
    ChangePlan,
    EndpointRecord,
    PlanRules,
    Tables,
)
from pipeline.domain.document import DocumentError, below
from pipeline.domain.endpoint import Account, Endpoint, EndpointStatus
from pipeline.domain.endpoint_document import EndpointEntry
from pipeline.domain.endpoint_matching import EndpointMatcher
from pipeline.domain.endpoint_planning import Planned, plan_endpoint, plan_removal
from pipeline.domain.endpoint_topics import TopicChooser


def plan_changes(entries: Sequence[AccountEntry], tables: Tables, rules: PlanRules) -> ChangePlan:
    """What has to be published so that the tables say what the entries say; nothing else is.

    Raises:
        DocumentErrors: entries mean the same thing twice, ask for what was removed, for more
            endpoints than their plan allows, or for an order that their topic cannot give.
    """
    planning = _Planning(entries, tables, rules)
    for entry in entries:
        planning.add(entry)
    return planning.plan()


class _Planning:
    """Collects what the entries change, and what is wrong with them."""

    def __init__(self, entries: Sequence[AccountEntry], tables: Tables, rules: PlanRules) -> None:
        self._tables = tables
        self._rules = rules
        self._matcher = EndpointMatcher(entries, tables)
        self._topics = TopicChooser(
            rules.topology, rules.dedicated_limit, present=tables.endpoints.values()
        )
        self._by_account: dict[str, list[Endpoint]] = {}
        for endpoint in tables.endpoints.values():
            if endpoint.status is not EndpointStatus.REMOVED:
                self._by_account.setdefault(endpoint.account, []).append(endpoint)
        self._seen: set[str] = set()
        self._accounts: list[Account] = []
        self._endpoints: list[EndpointRecord] = []
        self._lines: list[ChangeLine] = []
        self._errors: list[DocumentError] = []

    def plan(self) -> ChangePlan:
        if self._errors:
            raise DocumentErrors(self._errors)
        return ChangePlan(tuple(self._accounts), tuple(self._endpoints), tuple(self._lines))

    def add(self, entry: AccountEntry) -> None:
        try:
            account = self._account(entry)
            planned = self._planned(entry)
            if account is not None and account.plan is not None:
                self._check_plan(entry.pointer, account, lines=[line for _, line in planned])
        except DocumentError as exc:
            self._errors.append(exc)

    def _account(self, entry: AccountEntry) -> Account | None:
        """The account from now on; None if there never was one that is to be removed."""
        present = self._tables.accounts.get(entry.id)
        pointer = below(entry.pointer, "id")
        if entry.id in self._seen:
            raise DocumentError(pointer, "the account is given twice: write one entry for it")
        self._seen.add(entry.id)
        if present is not None and present.removed and not entry.removed:
            raise DocumentError(pointer, "was removed, and no id is used twice: choose another one")
        if entry.removed and (present is None or present.removed):
            self._lines.append(ChangeLine(entry.id, None, Change.UNCHANGED))
            return present
        account = wanted_account(entry, present, profiles=self._rules.profiles)
        differing = () if present is None else _differing(present, account)
        change = Change.CREATED if present is None else Change.CHANGED
        if entry.removed:
            change = Change.REMOVED
        elif present is not None and not differing:
            change = Change.UNCHANGED
        self._lines.append(ChangeLine(entry.id, None, change, fields=differing))
        if change is not Change.UNCHANGED:
            self._accounts.append(account)
        return account

    def _planned(self, entry: AccountEntry) -> list[Planned]:
        planned: list[Planned] = []
        for endpoint in entry.endpoints:
            try:
                planned.append(self._endpoint(endpoint))
            except DocumentError as exc:
                self._errors.append(exc)
        if entry.removed:
            now_ms = self._rules.source.now_ms
            planned += [
                plan_removal(endpoint, now_ms=now_ms)
                for endpoint in self._by_account.get(entry.id, [])
            ]
        self._endpoints += [record for record, _ in planned if record is not None]
        self._lines += [line for _, line in planned]
        return planned

    def _endpoint(self, entry: EndpointEntry | EndpointRemoval) -> Planned:
        present = self._matcher.present(entry)
        if isinstance(entry, EndpointEntry):
            return plan_endpoint(entry, present, topics=self._topics, rules=self._rules)
        if present is None:
            unknown = ChangeLine(entry.account, entry.id, Change.UNCHANGED, url=entry.url or None)
            return None, unknown
        return plan_removal(present, now_ms=self._rules.source.now_ms)

    def _check_plan(self, pointer: str, account: Account, *, lines: Iterable[ChangeLine]) -> None:
        """Refuse what is new and beyond the plan; inactive endpoints count, old ones may stay."""
        changes = [line.change for line in lines]
        created = changes.count(Change.CREATED)
        count = len(self._by_account.get(account.id, ())) + created - changes.count(Change.REMOVED)
        limit = self._rules.profiles[account.profile].plans.get(account.plan or "", count)
        if created and count > limit:
            raise DocumentError(
                below(pointer, "endpoints"),
                f"would make {count} endpoints: the plan {account.plan} allows {limit},"
                " inactive ones included; remove some, or choose another plan",
            )


def _differing(present: Account, wanted: Account) -> tuple[str, ...]:
    return tuple(
        field.name
        for field in fields_of(Account)
        if getattr(present, field.name) != getattr(wanted, field.name)
    )
