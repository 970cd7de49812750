"""What a job takes: endpoints, dead letters, and what it makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pipeline.domain.delivery import Cause, DeadLetter, Delivery
from pipeline.domain.directory import Directory
from pipeline.domain.endpoint import Endpoint, EndpointStatus
from pipeline.domain.identifiers import delivery_id
from pipeline.domain.job import JobOrder
from pipeline.domain.type_patterns import TypeMatcher

_NOBODY: Final[tuple[Endpoint, ...]] = ()


class ChosenRecipients:
    """The part of a directory that a replay is for: one endpoint, or those of one account.

    Endpoints that are not active are among them, as in the directory.
    """

    def __init__(self, directory: Directory, *, account: str | None, endpoint: str | None) -> None:
        self._directory = directory
        self._account = account
        self._endpoint = endpoint

    @property
    def account(self) -> str | None:
        """Whose events can be theirs, beside those for every account; None where it is unknown."""
        if self._account is not None or self._endpoint is None:
            return self._account
        endpoint = self._directory.endpoint(self._endpoint)
        return None if endpoint is None else endpoint.account

    def matching(self, account_id: str, event_type: str) -> tuple[Endpoint, ...]:
        """As `Directory.matching`, of the chosen alone."""
        if self._account is not None and account_id != self._account:
            return _NOBODY
        found = self._directory.matching(account_id, event_type)
        if self._endpoint is None:
            return found
        return tuple(each for each in found if each.id == self._endpoint)

    def endpoints(self) -> Iterator[Endpoint]:
        """All that are chosen and not removed."""
        for each in self._directory.endpoints():
            if (
                each.status is not EndpointStatus.REMOVED
                and self._account in {None, each.account}
                and self._endpoint in {None, each.id}
            ):
                yield each


def is_wanted(letter: DeadLetter, order: JobOrder, types: TypeMatcher) -> bool:
    """Whether a redrive takes a dead letter; its time is looked at where it lies.

    `types` are those of the order.
    """
    if order.ids and letter.id not in order.ids:
        return False
    if order.event_types and not types.matches(letter.event_type or ""):
        return False
    return (
        order.account in {None, letter.account}
        and order.endpoint in {None, letter.endpoint}
        and order.reason in {None, letter.reason}
    )


def redriven(dead: Delivery, *, redrive: str, endpoint: Endpoint) -> Delivery:
    """The new delivery that sends a dead one again, with the same body and the same `webhook_id`.

    It begins with its first attempt, and has the same id whoever repeats the redrive.
    """
    return dead._replace(
        delivery_id=delivery_id(dead.webhook_id, cause=Cause.REDRIVE, cause_id=redrive),
        endpoint_version=endpoint.version,
        attempt=1,
        first_attempt_at_ms=None,
        due_at_ms=None,
        parked=0,
        cause=Cause.REDRIVE,
        cause_id=redrive,
    )
