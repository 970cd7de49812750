"""Which endpoints an event reaches, and why not the others.

Routing and `explain` decide with the same functions, so that what is told is what happens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pipeline.domain.body_problem import BodyProblem, NoSubject, UndecodableBody
from pipeline.domain.document import DocumentError
from pipeline.domain.endpoint import Account, Endpoint, EndpointStatus
from pipeline.domain.event import Event
from pipeline.domain.event_fields import EventFields
from pipeline.domain.event_rules import EVERY_ACCOUNT
from pipeline.domain.event_values import EventValues
from pipeline.domain.filters import Filter, compile_filter_text
from pipeline.domain.profile import Profile, RelationRules
from pipeline.domain.type_patterns import compile_patterns

_STAR_PATHS: Final = (("current", "star"), ("previous", "star"))

StarOf = Callable[[str, str], str | None]
"""The star of an account's relation with a company; None without a relation or a star."""


class Admission(StrEnum):
    """Whether an event reaches an endpoint, and if not, why."""

    ADMITTED = "admitted"
    HELD = "held"
    OTHER_ACCOUNT = "other_account"
    ACCOUNT_REMOVED = "account_removed"
    WEBHOOKS_DISABLED = "webhooks_disabled"
    ENDPOINT_REMOVED = "endpoint_removed"
    EVENT_TYPE = "event_type"
    NOT_CONCERNED = "not_concerned"
    NO_SUBJECT = "no_subject"
    NO_STAR = "no_star"
    FILTER = "filter"
    UNREADABLE = "unreadable"

    @property
    def reaches(self) -> bool:
        """Whether the endpoint gets the event, now or once it is active again."""
        return self in _REACHING


_REACHING: Final = frozenset({Admission.ADMITTED, Admission.HELD})
_TEXTS: Final = {
    Admission.ADMITTED: "the event is sent to it",
    Admission.HELD: "the event is held for it: the endpoint is not active",
    Admission.OTHER_ACCOUNT: "the event is another account's",
    Admission.ACCOUNT_REMOVED: "the account was removed",
    Admission.WEBHOOKS_DISABLED: "the account's webhooks are switched off",
    Admission.ENDPOINT_REMOVED: "the endpoint was removed",
    Admission.EVENT_TYPE: "the endpoint did not ask for this event type",
    Admission.NOT_CONCERNED: "an event for every account goes where relations with the type's"
    " object are kept, and this endpoint's profile keeps none",
    Admission.NO_STAR: "the account has no relation with a star that the event needs",
    Admission.FILTER: "the endpoint's filter does not admit the event",
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """What becomes of an event at one endpoint."""

    endpoint: str
    admission: Admission
    text: str
    """For people."""


@dataclass(frozen=True, slots=True)
class AccountView:
    """All that decides which endpoints of an account an event reaches."""

    account: Account | None
    """None where no record of it was seen."""
    endpoints: Sequence[Endpoint]
    profile_of: Callable[[str], Profile | None]
    """By its name."""
    star_of: StarOf


@dataclass(frozen=True, slots=True, eq=False)
class Conditions:
    """What an endpoint asks of an event beside its type."""

    filter: Filter | None
    relations: RelationRules | None

    @property
    def is_none(self) -> bool:
        """Whether every event of the account that has the right type is admitted."""
        return self.filter is None and self.relations is None


def explain(event: Event, view: AccountView) -> list[Explanation]:
    """What becomes of the event at each of the account's endpoints, as routing would decide now.

    An event with the account `*` is looked at as it would reach this account. What its body would
    be is not tried.
    """
    admitting = Admitting(EventValues(event), view.star_of)
    refusal = _foreign(event, view) or account_refusal(view.account)
    found: list[Explanation] = []
    for endpoint in view.endpoints:
        try:
            admission = refusal or _admission(admitting, endpoint, view)
            text = _TEXTS[admission]
        except BodyProblem as problem:
            is_subject = isinstance(problem, NoSubject)
            admission = Admission.NO_SUBJECT if is_subject else Admission.UNREADABLE
            text = str(problem)
        found.append(Explanation(endpoint.id, admission, text))
    return found


def account_refusal(account: Account | None) -> Admission | None:
    """Why no event reaches any endpoint of the account; an unknown account takes events."""
    if account is None:
        return None
    if account.removed:
        return Admission.ACCOUNT_REMOVED
    return None if account.webhooks_enabled else Admission.WEBHOOKS_DISABLED


def compile_conditions(endpoint: Endpoint, profile: Profile) -> Conditions:
    """What an endpoint of a profile asks of events beside their type, for `Admitting`.

    Raises:
        UndecodableBody: this version cannot read the endpoint's filter.
    """
    try:
        compiled = None if endpoint.filter is None else compile_filter_text(endpoint.filter)
    except DocumentError as exc:
        raise UndecodableBody(f"filter: {exc}") from exc
    return Conditions(compiled, profile.relations)


class Admitting:
    """Judges one event for endpoints; what it finds is found once."""

    __slots__ = ("_fields", "_star_of", "event")

    def __init__(self, values: EventValues, star_of: StarOf) -> None:
        self.event = values.event
        self._fields = EventFields(values)
        self._star_of = star_of

    def refusal(self, conditions: Conditions, account: str) -> Admission | None:
        """Why the event does not reach an endpoint of the account that asked for its type, if so.

        Raises:
            NoSubject: the profile needs to know whom the event is about.
            BodyProblem: its data cannot be read, and the decision needs them.
        """
        refusal = self._unrelated(conditions.relations, account)
        if refusal is not None:
            return refusal
        if conditions.filter is not None and not conditions.filter.admits(self._fields):
            return Admission.FILTER
        return None

    def _unrelated(self, rules: RelationRules | None, account: str) -> Admission | None:
        is_for_all = self.event.account == EVERY_ACCOUNT
        if rules is None or not concerns(rules, self.event.type):
            return Admission.NOT_CONCERNED if is_for_all else None
        company = company_of(rules, self.event)
        if _object_of(self.event.type) in rules.star_in_data:
            if not self._has_star_in_data(rules):
                return Admission.NO_STAR
            if not is_for_all:
                return None
        has_star = self._star_of(account, company) in rules.stars
        return None if has_star else Admission.NO_STAR

    def _has_star_in_data(self, rules: RelationRules) -> bool:
        return any(
            star in rules.stars for path in _STAR_PATHS for star in self._fields.data(path).values
        )


def concerns(rules: RelationRules, event_type: str) -> bool:
    """Whether events of this type are about a company."""
    return _object_of(event_type) in rules.objects


def company_of(rules: RelationRules, event: Event) -> str:
    """The company that the event is about. Raises NoSubject: its subject does not say."""
    subject, prefix = event.subject or "", rules.subject_prefix
    if not subject.startswith(prefix) or len(subject) == len(prefix):
        raise NoSubject(f"{event.type} needs a subject {prefix}<id>")
    return subject[len(prefix) :]


def companies_of(event: Event, profiles: Iterable[Profile]) -> frozenset[str]:
    """The companies whose stars decide to which accounts an event for every account goes.

    None where no profile has relations with what the event is about: it reaches nobody.

    Raises:
        NoSubject: it is about a company, and its subject does not say about which.
    """
    companies: set[str] = set()
    problem: NoSubject | None = None
    for profile in profiles:
        if profile.relations is not None and concerns(profile.relations, event.type):
            try:
                companies.add(company_of(profile.relations, event))
            except NoSubject as exc:
                problem = exc
    if problem is not None and not companies:
        raise problem
    return frozenset(companies)


def _object_of(event_type: str) -> str:
    return event_type.rpartition(".")[0]


def _foreign(event: Event, view: AccountView) -> Admission | None:
    accounts = {endpoint.account for endpoint in view.endpoints}
    if view.account is not None:
        accounts.add(view.account.id)
    is_theirs = event.account == EVERY_ACCOUNT or accounts <= {event.account}
    return None if is_theirs else Admission.OTHER_ACCOUNT


def _admission(admitting: Admitting, endpoint: Endpoint, view: AccountView) -> Admission:
    event = admitting.event
    if endpoint.status is EndpointStatus.REMOVED:
        return Admission.ENDPOINT_REMOVED
    if not compile_patterns(endpoint.event_types).matches(event.type):
        return Admission.EVENT_TYPE
    profile = view.profile_of(endpoint.profile)
    if profile is None:
        raise unknown_profile(endpoint.profile)
    refusal = admitting.refusal(compile_conditions(endpoint, profile), endpoint.account)
    if refusal is not None:
        return refusal
    is_active = endpoint.status is EndpointStatus.ACTIVE
    return Admission.ADMITTED if is_active else Admission.HELD


def unknown_profile(name: str) -> UndecodableBody:
    """That nothing can be made for the endpoints of a profile."""
    return UndecodableBody(f"the profile {name!r} is not known to this version")
