"""Endpoints made ready for sending, and deliveries to them, for tests of the sender's parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pipeline.adapters.mail.composing import MailSender
from pipeline.adapters.mail.letterbox import LetterboxSettings, SmtpLetterbox
from pipeline.adapters.profile_files import SHIPPED, read_profile_files
from pipeline.clock import now_ms
from pipeline.domain.delivery import Delivery, Position
from pipeline.domain.endpoint import Auth, Credentials, Endpoint, SigningSecret
from pipeline.domain.tiers import Tier
from pipeline.flow import Partition, Record
from pipeline.stages.sender.lane import Item
from pipeline.stages.sender.posting import Destinations, Letterbox
from pipeline.stages.sender.recipient import Recipient, SendingWays, prepare_recipient
from pipeline.stages.sender.requesting import SenderIdentity

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TIERS = (Tier("1s", 1_000), Tier("1m", 60_000))
PROFILES = read_profile_files(SHIPPED)


NO_MAIL = LetterboxSettings(None, MailSender("", "webhooks@sender.test"), "sender.test")


def a_recipient(
    destinations: Destinations,
    url: str | None,
    *,
    auth: Auth | None = None,
    letterbox: Letterbox | None = None,
    is_account_on: Callable[[str], bool] = lambda _: True,
    **changes: Any,
) -> Recipient:
    endpoint = replace(Endpoint("ep", "acme", "standard-webhooks", "own", url=url), **changes)
    return prepare_recipient(
        endpoint,
        PROFILES[endpoint.profile],
        credentials=Credentials(secrets=(SigningSecret(SECRET),), auth=auth),
        ways=SendingWays(
            SenderIdentity("sender/1", "https://origin.test"),
            TIERS,
            destinations,
            letterbox or SmtpLetterbox(NO_MAIL, now_ms),
            is_account_on,
        ),
    )


def an_item(offset: int = 0, *, topic: str = "own", size_bytes: int = 2, **changes: Any) -> Item:
    delivery = Delivery(
        delivery_id=f"dlv_{offset}",
        webhook_id=f"msg_{offset}",
        endpoint="ep",
        endpoint_version=0,
        attempt=1,
        first_attempt_at_ms=None,
        due_at_ms=None,
        parked=0,
        cause="event",
        cause_id=None,
        account="acme",
        event_id="evt",
        event_type="made",
        subject=None,
        occurred_at_us=1_000_000_000,
        body=b"{}",
        content_type="application/json",
        headers={},
        source=Position("events", 0, offset),
    )
    record = Record(Partition(topic, 0), offset, None, b"x" * size_bytes, 0)
    return Item(record, delivery._replace(**changes))
