"""What an account or an operator makes of one endpoint through the API.

As `endpoint_planning.py` decides it, but that nobody here vouches for a receiver's consent: where a
profile wants one, an endpoint is pending until its receiver has given it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from pipeline.domain.change_plan import EndpointRecord, PlanRules
from pipeline.domain.endpoint import Credentials, Endpoint, EndpointStatus
from pipeline.domain.endpoint_document import EndpointEntry
from pipeline.domain.endpoint_fit import secret_error
from pipeline.domain.endpoint_planning import plan_endpoint, plan_removal
from pipeline.domain.endpoint_secrets import OVERLAP_MS, rotate_secret, secret_forms
from pipeline.domain.endpoint_status import Waiting, activated, deactivated
from pipeline.domain.endpoint_topics import TopicChooser
from pipeline.domain.profile import Rotation
from pipeline.domain.signing import prepare_signer
from pipeline.domain.signing_secrets import InvalidSecret


class Rotated(NamedTuple):
    """An endpoint with a new secret, which is shown now and never again."""

    record: EndpointRecord
    secret: str


def created_endpoint(
    entry: EndpointEntry, *, reason: str, topics: TopicChooser, rules: PlanRules
) -> EndpointRecord:
    """A new endpoint; `reason` says why it does not receive, where it is not to be active.

    Raises:
        DocumentError: it cannot have the order that it asks for.
    """
    record, _ = plan_endpoint(replace(entry, active=None), None, topics=topics, rules=rules)
    if record is None:
        raise AssertionError("a new endpoint is a change")
    if entry.active is not False:
        return record
    endpoint = deactivated(record.endpoint, reason, now_ms=rules.source.now_ms)
    return replace(record, endpoint=endpoint)


def changed_endpoint(
    entry: EndpointEntry,
    present: Endpoint,
    *,
    reason: str,
    topics: TopicChooser,
    rules: PlanRules,
) -> EndpointRecord | None:
    """The present endpoint as the entry has it; None where that changes nothing.

    Raises:
        DocumentError: it cannot have its order in its topic, or a kept secret does not fit.
    """
    now_ms = rules.source.now_ms
    record, _ = plan_endpoint(replace(entry, active=None), present, topics=topics, rules=rules)
    endpoint = present if record is None else record.endpoint
    credentials = None if record is None else record.credentials
    if entry.active is True:
        profile = rules.profiles[endpoint.profile]
        waiting = default_waiting(endpoint)
        endpoint = activated(endpoint, profile, waiting=waiting, now_ms=now_ms)
    elif entry.active is False and endpoint.status is not EndpointStatus.INACTIVE:
        endpoint = deactivated(endpoint, reason, now_ms=now_ms)
    return None if endpoint is present else EndpointRecord(endpoint, credentials)


def rotated_endpoint(
    present: Endpoint, given: str | None, *, overlap_ms: int | None, rules: PlanRules
) -> Rotated:
    """The endpoint with the given secret, or one that is made; the replaced one signs on a while.

    `overlap_ms` None means a day, or none where the profile signs with the newest secret alone.

    Raises:
        DocumentError: the secret cannot be used, or nothing signs with one; at `/secret`.
        UnreadableSecrets: the present ones cannot be opened.
    """
    profile = rules.profiles[present.profile]
    signature = profile.signature
    if overlap_ms is None:
        overlap_ms = OVERLAP_MS
    if signature is not None and signature.rotation is Rotation.NEWEST:
        overlap_ms = 0
    before = rules.open_credentials(present)
    try:
        credentials, secret = rotate_secret(
            given,
            before,
            forms=secret_forms(signature, present.signing),
            overlap_ms=overlap_ms,
            source=rules.source,
        )
        if signature is not None:
            prepare_signer(signature, schemes=present.signing, credentials=credentials)
    except InvalidSecret as exc:
        raise secret_error(exc, "") from exc
    endpoint = replace(present, updated_at_ms=rules.source.now_ms)
    return Rotated(EndpointRecord(endpoint, credentials), secret)


def removed_endpoint(present: Endpoint, *, now_ms: int) -> Endpoint:
    """The endpoint as a removed one; itself where it is that already."""
    record, _ = plan_removal(present, now_ms=now_ms)
    return present if record is None else record.endpoint


def default_waiting(endpoint: Endpoint) -> Waiting:
    """What becomes of its waiting deliveries where nobody says it."""
    return Waiting.DROP if endpoint.on_inactive == "drop" else Waiting.SEND


def current_secret(credentials: Credentials) -> str | None:
    """The symmetric secret that signs; None where there is none."""
    return next((one.value for one in credentials.secrets if one.expires_at_ms is None), None)
