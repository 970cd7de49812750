"""An endpoint made ready for sending: everything that is the same for each of its attempts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.domain.endpoint import EndpointStatus, Order
from pipeline.domain.mail_answers import MailAcknowledgement
from pipeline.domain.redaction import Redaction
from pipeline.domain.retry import RetryRules
from pipeline.domain.signing import prepare_signer
from pipeline.stages.sender.mailing import LetterWay
from pipeline.stages.sender.requesting import SenderIdentity, request_way

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.domain.endpoint import Credentials, Endpoint
    from pipeline.domain.profile import Profile
    from pipeline.domain.tiers import Tier
    from pipeline.stages.sender.posting import Destinations, Letterbox, Way


@dataclass(frozen=True, slots=True)
class SendingWays:
    """What is the same for all endpoints."""

    identity: SenderIdentity
    tiers: tuple[Tier, ...]
    destinations: Destinations
    letterbox: Letterbox
    is_account_on: Callable[[str], bool]
    """Whether an account's webhooks are switched on now."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """One version of an endpoint, compiled."""

    endpoint: Endpoint
    rules: RetryRules
    way: Way
    redaction: Redaction
    """Takes the secrets of its requests out of what comes back."""
    is_account_on: Callable[[str], bool]
    is_strict: bool
    """Whether its deliveries go one at a time, in order."""
    most_in_flight: int

    @property
    def is_active(self) -> bool:
        """Whether it gets anything now; the account's switch changes without its own version."""
        endpoint = self.endpoint
        return endpoint.status is EndpointStatus.ACTIVE and self.is_account_on(endpoint.account)


def prepare_recipient(
    endpoint: Endpoint,
    profile: Profile,
    *,
    credentials: Credentials,
    ways: SendingWays,
) -> Recipient:
    """Compile an endpoint.

    Raises InvalidSigning or InvalidSecret where its secrets do not fit its profile.
    """
    signature = profile.signature
    signer = (
        prepare_signer(signature, schemes=endpoint.signing, credentials=credentials)
        if signature
        else None
    )
    secrets: tuple[str, ...] = ()
    if endpoint.email is not None:
        # Whatever its URL is, nothing is ever sent there.
        way: Way = LetterWay(
            endpoint.email, ways.letterbox, endpoint=endpoint, profile=profile, signer=signer
        )
    else:
        way, secrets = request_way(
            endpoint,
            profile,
            auth=credentials.auth,
            signer=signer,
            ways=(ways.identity, ways.destinations),
        )
    is_strict = endpoint.order == Order.STRICT
    return Recipient(
        endpoint=endpoint,
        rules=RetryRules(
            policy=endpoint.retry or profile.retry,
            acknowledgement=MailAcknowledgement()
            if endpoint.email is not None
            else profile.acknowledgement,
            tiers=ways.tiers,
        ),
        way=way,
        redaction=Redaction(secrets),
        is_account_on=ways.is_account_on,
        is_strict=is_strict,
        most_in_flight=1 if is_strict else endpoint.max_in_flight,
    )
