"""Whether an event can be for anybody: its account, its profile's rules, its type's schema."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.api.event_schemas import EventSchemas
from pipeline.api.problems import FieldError
from pipeline.api.table_reach import FollowedTables
from pipeline.domain.admission import company_of, concerns
from pipeline.domain.body_problem import NoSubject
from pipeline.domain.event import Event
from pipeline.domain.event_rules import EVERY_ACCOUNT
from pipeline.domain.profile import RelationRules


@dataclass(frozen=True, slots=True)
class EventChecks:
    """Asks the tables in memory alone."""

    tables: FollowedTables
    schemas: EventSchemas

    def errors_of(self, event: Event) -> list[FieldError]:
        """What is wrong with an event whose members are as they must be; pointers begin at it."""
        errors = self.schemas.errors_of(event.type, event.data)
        found = self._error_of(event)
        if found is not None:
            errors.insert(0, FieldError(*found))
        return errors

    def _error_of(self, event: Event) -> tuple[str, str] | None:
        """Pointer and text."""
        if event.account == EVERY_ACCOUNT:
            return self._error_for_everyone(event)
        account = self.tables.directory.account(event.account)
        if account is None:
            return "/account", f"there is no account {event.account}: create it first"
        if account.removed:
            return "/account", f"the account {event.account} was removed"
        profile = self.tables.profiles.get(account.profile)
        return None if profile is None else _error_of_relations(event, profile.relations)

    def _error_for_everyone(self, event: Event) -> tuple[str, str] | None:
        """Such an event goes to accounts that have a relation with what it is about."""
        every = [profile.relations for profile in self.tables.profiles.all()]
        found = [rules for rules in every if rules is not None and concerns(rules, event.type)]
        if not found:
            return "/type", "an event for every account is about an object with relations"
        errors = [_error_of_relations(event, rules) for rules in found]
        return None if None in errors else errors[0]


def _error_of_relations(event: Event, rules: RelationRules | None) -> tuple[str, str] | None:
    if rules is None or not concerns(rules, event.type):
        return None
    try:
        company_of(rules, event)
    except NoSubject as exc:
        return "/subject", str(exc)
    return None
