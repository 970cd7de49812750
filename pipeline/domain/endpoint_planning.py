"""What becomes of one endpoint: its topic, status, secrets, and what differs from the present."""

from __future__ import annotations

from dataclasses import fields as fields_of
from dataclasses import replace
from typing import Final

from pipeline.domain.change_plan import (
    Change,
    ChangeLine,
    EndpointRecord,
    PlanRules,
    UnreadableSecrets,
)
from pipeline.domain.document import DocumentError, below
from pipeline.domain.endpoint import Credentials, Endpoint, EndpointStatus
from pipeline.domain.endpoint_document import EndpointEntry
from pipeline.domain.endpoint_fit import secret_error
from pipeline.domain.endpoint_secrets import (
    NOTHING_MADE,
    MadeSecrets,
    decide_credentials,
    secret_forms,
)
from pipeline.domain.endpoint_status import (
    DEACTIVATED,
    UNCONSENTED,
    must_consent_again,
    needs_consent,
)
from pipeline.domain.endpoint_topics import NoOwnTopic, TopicChooser
from pipeline.domain.identifiers import new_id
from pipeline.domain.profile import Profile
from pipeline.domain.signing import prepare_signer
from pipeline.domain.signing_secrets import InvalidSecret

_ENTROPY_BYTES: Final = 10
_WRITTEN: Final = {"timeout_ms": "timeout", "status": "active"}
_UNWRITTEN: Final = frozenset(
    (
        "version",
        "topic",
        "status_reason",
        "status_since_ms",
        "created_at_ms",
        "updated_at_ms",
        "moved_from",
        "moved_at_ms",
        "drop_before_ms",
    )
)

Planned = tuple[EndpointRecord | None, ChangeLine]
"""What to publish, if anything, and its line of the report."""


def plan_endpoint(
    entry: EndpointEntry, present: Endpoint | None, *, topics: TopicChooser, rules: PlanRules
) -> Planned:
    """A new endpoint, or the present one as the entry has it from now on.

    Raises:
        DocumentError: it cannot have its order in its topic, or a kept secret does not fit.
    """
    if present is None:
        return _created(entry, topics=topics, rules=rules)
    return _changed(entry, present, topics=topics, rules=rules)


def plan_removal(present: Endpoint, *, now_ms: int) -> Planned:
    """The endpoint as a removed one: that is a state, its record stays until all have seen it."""
    if present.status is EndpointStatus.REMOVED:
        return None, _line(present, Change.UNCHANGED)
    removed = replace(
        present,
        status=EndpointStatus.REMOVED,
        status_reason=None,
        status_since_ms=now_ms,
        updated_at_ms=now_ms,
    )
    return EndpointRecord(removed), _line(removed, Change.REMOVED)


def _created(entry: EndpointEntry, *, topics: TopicChooser, rules: PlanRules) -> Planned:
    now_ms = rules.source.now_ms
    wanted = entry.wanted
    entropy = rules.source.random_bytes(_ENTROPY_BYTES)
    endpoint_id = wanted.id or new_id("ep", now_ms=now_ms, entropy=entropy)
    profile = rules.profiles[wanted.profile]
    credentials, made = _credentials(entry, Credentials(), profile=profile, rules=rules)
    try:
        topic = topics.choose(endpoint_id, wanted.order)
    except NoOwnTopic as exc:
        raise DocumentError(below(entry.pointer, "order"), str(exc)) from exc
    status, reason = _first_status(entry, profile)
    endpoint = replace(
        wanted,
        id=endpoint_id,
        topic=topic,
        status=status,
        status_reason=reason,
        status_since_ms=now_ms,
        created_at_ms=now_ms,
        updated_at_ms=now_ms,
    )
    record = EndpointRecord(endpoint, credentials, needs_topic=topics.is_own(endpoint))
    return record, _line(endpoint, Change.CREATED, made=made)


def _changed(
    entry: EndpointEntry, present: Endpoint, *, topics: TopicChooser, rules: PlanRules
) -> Planned:
    now_ms = rules.source.now_ms
    try:
        topics.check_kept(present, entry.wanted.order, now_ms=now_ms)
    except NoOwnTopic as exc:
        raise DocumentError(below(entry.pointer, "order"), str(exc)) from exc
    profile = rules.profiles[entry.wanted.profile]
    before = _present_credentials(entry, present, rules=rules)
    credentials, made = _credentials(entry, before or Credentials(), profile=profile, rules=rules)
    wanted = replace(
        entry.wanted,
        id=present.id,
        topic=present.topic,
        version=present.version,
        status=present.status,
        status_reason=present.status_reason,
        status_since_ms=present.status_since_ms,
        created_at_ms=present.created_at_ms,
        updated_at_ms=present.updated_at_ms,
        moved_from=present.moved_from,
        moved_at_ms=present.moved_at_ms,
        drop_before_ms=present.drop_before_ms,
        sealed=present.sealed,
    )
    wanted = _with_status(wanted, present, active=entry.active, profile=profile, now_ms=now_ms)
    differing = (*_differing(present, wanted), *_differing_credentials(before, credentials))
    if not differing:
        return None, _line(present, Change.UNCHANGED)
    record = EndpointRecord(
        replace(wanted, updated_at_ms=now_ms), None if credentials == before else credentials
    )
    return record, _line(wanted, Change.CHANGED, made=made, differing=differing)


def _present_credentials(
    entry: EndpointEntry, present: Endpoint, *, rules: PlanRules
) -> Credentials | None:
    """None where they cannot be opened, and the entry has all that is needed instead."""
    try:
        return rules.open_credentials(present)
    except UnreadableSecrets as exc:
        forms = secret_forms(rules.profiles[entry.wanted.profile].signature, entry.wanted.signing)
        given = entry.given
        for name, value, needed in (
            ("secret", given.secret, forms.secret),
            ("signing_key", given.signing_key, forms.signing_key),
        ):
            if needed and value is None:
                raise DocumentError(
                    below(entry.pointer, name),
                    f"missing: the present one cannot be read ({exc}); bring the key back that"
                    " secrets are sealed with, or write a new one",
                ) from exc
        return None


def _credentials(
    entry: EndpointEntry, before: Credentials, *, profile: Profile, rules: PlanRules
) -> tuple[Credentials, MadeSecrets]:
    signing = entry.wanted.signing
    try:
        decided = decide_credentials(
            entry.given,
            before,
            forms=secret_forms(profile.signature, signing),
            source=rules.source,
        )
        if profile.signature is not None:
            prepare_signer(profile.signature, schemes=signing, credentials=decided[0])
    except InvalidSecret as exc:
        raise secret_error(exc, entry.pointer) from exc
    return decided


def _first_status(entry: EndpointEntry, profile: Profile) -> tuple[EndpointStatus, str | None]:
    """Saying `active: true` of an endpoint that must consent first vouches for its consent."""
    if entry.active is False:
        return EndpointStatus.INACTIVE, DEACTIVATED
    if entry.active is None and needs_consent(entry.wanted, profile):
        return EndpointStatus.PENDING, UNCONSENTED
    return EndpointStatus.ACTIVE, None


def _with_status(
    wanted: Endpoint, present: Endpoint, *, active: bool | None, profile: Profile, now_ms: int
) -> Endpoint:
    status, reason = present.status, present.status_reason
    if active is True:
        status, reason = EndpointStatus.ACTIVE, None
    elif active is False and status is not EndpointStatus.INACTIVE:
        status, reason = EndpointStatus.INACTIVE, DEACTIVATED
    elif status is EndpointStatus.ACTIVE and must_consent_again(wanted, present, profile):
        status, reason = EndpointStatus.PENDING, UNCONSENTED
    if status is present.status:
        return wanted
    if status is EndpointStatus.ACTIVE and wanted.on_inactive == "drop":
        wanted = replace(wanted, drop_before_ms=now_ms)
    return replace(wanted, status=status, status_reason=reason, status_since_ms=now_ms)


def _differing(present: Endpoint, wanted: Endpoint) -> tuple[str, ...]:
    return tuple(
        _WRITTEN.get(field.name, field.name)
        for field in fields_of(Endpoint)
        if field.name not in _UNWRITTEN
        and getattr(present, field.name) != getattr(wanted, field.name)
    )


def _differing_credentials(before: Credentials | None, after: Credentials) -> tuple[str, ...]:
    if before is None:
        return ("secret",)
    pairs = (
        ("secret", before.secrets, after.secrets),
        ("signing_key", before.signing_keys, after.signing_keys),
        ("auth", before.auth, after.auth),
    )
    return tuple(name for name, old, new in pairs if old != new)


def _line(
    endpoint: Endpoint,
    change: Change,
    *,
    made: MadeSecrets = NOTHING_MADE,
    differing: tuple[str, ...] = (),
) -> ChangeLine:
    return ChangeLine(
        account=endpoint.account,
        endpoint=endpoint.id,
        change=change,
        fields=differing,
        url=endpoint.url,
        topic=endpoint.topic,
        made=made,
        needs_consent=endpoint.status is EndpointStatus.PENDING,
    )
