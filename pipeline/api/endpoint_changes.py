"""Changes of endpoints, each one transaction: what is stored, and what the table is told of it.

Blocking: called in threads. Everything raises Problem, and StoreFailed.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from pipeline.api.caller import Caller
from pipeline.api.endpoint_access import (
    check_self_service,
    known_profile,
    locked_account,
    locked_endpoint,
)
from pipeline.api.endpoint_ports import EndpointPorts
from pipeline.api.problems import conflict, of_document, quota
from pipeline.domain.change_plan import EndpointRecord, PlanRules, UnreadableSecrets
from pipeline.domain.document import DocumentError
from pipeline.domain.endpoint import Account, Credentials, Endpoint, EndpointStatus
from pipeline.domain.endpoint_document import EndpointEntry, EndpointRules, endpoint_fields
from pipeline.domain.endpoint_document import read_endpoint as read_entry
from pipeline.domain.endpoint_editing import (
    changed_endpoint,
    created_endpoint,
    current_secret,
    default_waiting,
    removed_endpoint,
    rotated_endpoint,
)
from pipeline.domain.endpoint_secrets import SecretSource
from pipeline.domain.endpoint_status import (
    DEACTIVATED,
    DEACTIVATED_BY_OWNER,
    Waiting,
    activated,
    deactivated,
)
from pipeline.domain.endpoint_topics import TopicChooser
from pipeline.domain.endpoint_written import patched_endpoint
from pipeline.domain.operational_events import change_of_status, quota_reached
from pipeline.domain.profile import Profile
from pipeline.registry import RegistryWriter

Document = Mapping[str, object]


class Changed(NamedTuple):
    """An endpoint as it is stored now; all is well once the outbox has published `sequence`."""

    endpoint: Endpoint
    sequence: int = 0
    """0: nothing had to be published."""
    secret: str | None = None
    """To be shown now, and never again."""

    @property
    def asks_consent(self) -> bool:
        """Whether its receiver is to be asked, now that this is known everywhere."""
        return self.sequence > 0 and self.endpoint.status is EndpointStatus.PENDING


class EndpointChanges:
    """Decides with the domain, stores, and leaves the record in the outbox."""

    def __init__(self, ports: EndpointPorts) -> None:
        self._ports = ports

    def create(self, caller: Caller, account_id: str, document: Document) -> Changed:
        """A new endpoint of the account, within its plan."""
        with self._ports.registry.writing(caller.author) as writer, _refusing():
            account = locked_account(writer, caller, account_id)
            self._lock_profile(writer, document)
            rules = self._rules(writer)
            check_self_service(caller, rules.profiles, account.profile)
            entry = self._read(document, account, rules.profiles)
            check_self_service(caller, rules.profiles, entry.wanted.profile)
            writer.lock_topics()
            if entry.wanted.id and writer.endpoint(entry.wanted.id) is not None:
                raise conflict(f"The id {entry.wanted.id} is or was taken: choose another one.")
            self._count_in(writer, account, rules.profiles)
            topics = TopicChooser.counted(
                self._ports.topology,
                self._ports.dedicated_limit,
                count=writer.count_own_topics(self._ports.topology.shared_delivery),
            )
            record = created_endpoint(entry, reason=_reason(caller), topics=topics, rules=rules)
            secret = current_secret(record.credentials or Credentials())
            return self._put(writer, record)._replace(secret=secret)

    def patch(self, caller: Caller, endpoint_id: str, patch: Document) -> Changed:
        """A merge patch over the endpoint as it is answered."""
        with self._ports.registry.writing(caller.author) as writer, _refusing():
            account, present = locked_endpoint(writer, caller, endpoint_id)
            self._lock_profile(writer, patch)
            rules = self._rules(writer)
            check_self_service(caller, rules.profiles, account.profile, present.profile)
            document = patched_endpoint(present, self.opened(present), patch)
            entry = self._read(document, account, rules.profiles)
            check_self_service(caller, rules.profiles, entry.wanted.profile)
            topics = TopicChooser.counted(
                self._ports.topology, self._ports.dedicated_limit, count=0
            )
            record = changed_endpoint(
                entry, present, reason=_reason(caller), topics=topics, rules=rules
            )
            return Changed(present) if record is None else self._put(writer, record, present)

    def remove(self, caller: Caller, endpoint_id: str) -> Changed:
        """Its record stays, as a removed one: no id is used twice."""

        def removed(present: Endpoint, _: object) -> Endpoint:
            return removed_endpoint(present, now_ms=self._ports.now_ms())

        return self._change(caller, endpoint_id, removed)

    def activate(self, caller: Caller, endpoint_id: str, waiting: Waiting | None) -> Changed:
        """None: what waits is treated as the endpoint's `on_inactive` says."""

        def active(present: Endpoint, profile: Profile) -> Endpoint:
            chosen = waiting or default_waiting(present)
            return activated(present, profile, waiting=chosen, now_ms=self._ports.now_ms())

        return self._change(caller, endpoint_id, active)

    def deactivate(self, caller: Caller, endpoint_id: str, reason: str | None) -> Changed:
        """None: the reason says who did it."""

        def inactive(present: Endpoint, _: object) -> Endpoint:
            if present.status is EndpointStatus.INACTIVE and reason is None:
                return present
            return deactivated(present, reason or _reason(caller), now_ms=self._ports.now_ms())

        return self._change(caller, endpoint_id, inactive)

    def rotate(
        self, caller: Caller, endpoint_id: str, secret: str | None, *, overlap_ms: int | None
    ) -> Changed:
        """Another signing secret; the one before signs beside it for a while."""
        with self._ports.registry.writing(caller.author) as writer, _refusing():
            account, present = locked_endpoint(writer, caller, endpoint_id)
            rules = self._rules(writer)
            check_self_service(caller, rules.profiles, account.profile, present.profile)
            known_profile(rules.profiles, present.profile)
            rotated = rotated_endpoint(present, secret, overlap_ms=overlap_ms, rules=rules)
            return self._put(writer, rotated.record)._replace(secret=rotated.secret)

    def opened(self, endpoint: Endpoint) -> Credentials | None:
        """None where they cannot be opened."""
        try:
            return self._ports.vault.open(endpoint)
        except UnreadableSecrets:
            return None

    def _change(
        self, caller: Caller, endpoint_id: str, change: Callable[[Endpoint, Profile], Endpoint]
    ) -> Changed:
        with self._ports.registry.writing(caller.author) as writer:
            account, present = locked_endpoint(writer, caller, endpoint_id)
            profiles = self._ports.profiles.all(writer)
            check_self_service(caller, profiles, account.profile, present.profile)
            endpoint = change(present, known_profile(profiles, present.profile))
            if endpoint is present:
                return Changed(present)
            return self._put(writer, EndpointRecord(endpoint), present)

    def _put(
        self, writer: RegistryWriter, record: EndpointRecord, before: Endpoint | None = None
    ) -> Changed:
        endpoint = self._ports.vault.seal(record)
        writer.put_endpoint(endpoint)
        writer.publish(self._ports.records.of_endpoint(endpoint, needs_topic=record.needs_topic))
        if before is not None:
            self._follow(writer, before, endpoint)
        return Changed(endpoint, writer.sequence)

    def _follow(self, writer: RegistryWriter, before: Endpoint, after: Endpoint) -> None:
        """What a change of its status causes."""
        told = change_of_status(before, after)
        if told is not None and self._ports.operations is not None:
            self._ports.operations.tell(writer, after.account, told)
        is_again_active = told is not None and after.status is EndpointStatus.ACTIVE
        is_sent = after.drop_before_ms == before.drop_before_ms
        is_shared = after.topic == self._ports.topology.shared_delivery
        if is_again_active and is_sent and is_shared and self._ports.redrive is not None:
            writer.publish(self._ports.redrive(after))

    def _read(
        self, document: Document, account: Account, profiles: Mapping[str, Profile]
    ) -> EndpointEntry:
        return read_entry(
            endpoint_fields(document, ""),
            account.id,
            profile_name=account.profile,
            rules=EndpointRules(profiles, self._ports.check_url),
        )

    def _lock_profile(self, writer: RegistryWriter, document: Document) -> None:
        """A profile that the document names is not removed while the endpoint is given it."""
        name = document.get("profile")
        if isinstance(name, str) and name not in self._ports.profiles.shipped:
            writer.lock_profile(name)

    def _rules(self, writer: RegistryWriter) -> PlanRules:
        ports = self._ports
        return PlanRules(
            profiles=ports.profiles.all(writer),
            topology=ports.topology,
            source=SecretSource(ports.now_ms(), ports.random_bytes),
            open_credentials=ports.vault.open,
            dedicated_limit=ports.dedicated_limit,
        )

    def _count_in(
        self, writer: RegistryWriter, account: Account, profiles: Mapping[str, Profile]
    ) -> None:
        """Raises Problem (403, quota). The account is locked, so two requests cannot both pass."""
        profile = profiles.get(account.profile)
        limit = None if profile is None else profile.plans.get(account.plan or "")
        if limit is None:
            return
        count = writer.count_endpoints(account.id)
        if count >= limit:
            raise quota(
                f"The plan {account.plan} allows {limit} endpoints, inactive ones included:"
                " remove one, or choose another plan."
            )
        if count + 1 == limit and self._ports.operations is not None:
            told = quota_reached(account.id, "endpoints", limit)
            self._ports.operations.tell(writer, account.id, told)


def _reason(caller: Caller) -> str:
    return DEACTIVATED if caller.is_operator else DEACTIVATED_BY_OWNER


@contextmanager
def _refusing() -> Generator[None]:
    """What the domain refuses, as a problem."""
    try:
        yield
    except DocumentError as exc:
        raise of_document(exc) from exc
    except UnreadableSecrets as exc:
        raise conflict(
            "The endpoint's present secrets cannot be opened: bring the key back that they are"
            " sealed with, or give new ones."
        ) from exc
